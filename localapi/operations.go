package localapi

import (
	"context"
	"fmt"
	"strconv"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/problem"
)

// operation states a call of the local API. The server, the client and the record
// in the audit log derive from it. Sync and Entries answer with streams: they are
// methods of the server, the client and the audited API. An operation has no role:
// whoever may open the socket may call all of them.
type operation[In, Out any] struct {
	path string
	run  func(ctx context.Context, c *Config, in In) (Out, error)
	// record describes the change for the audit log; nil for an operation that
	// changes nothing, or that its package records itself.
	record func(in In, out Out) accounts.Record
}

// The operations.
var (
	status = operation[none, daemon.Status]{path: prefix + "status",
		run: func(ctx context.Context, c *Config, _ none) (daemon.Status, error) { return c.API.Status(ctx) }}
	show = operation[entryCall, daemon.EntryDetail]{path: prefix + "show",
		run: func(ctx context.Context, c *Config, in entryCall) (daemon.EntryDetail, error) {
			return c.API.Show(ctx, in.Number)
		}}
	document = operation[entryCall, daemon.Document]{path: prefix + "document",
		run: func(ctx context.Context, c *Config, in entryCall) (daemon.Document, error) {
			return c.API.Document(ctx, in.Number)
		}}
	dossiers = operation[daemon.DossierQuery, daemon.DossierPage]{path: prefix + "dossiers",
		run: func(ctx context.Context, c *Config, in daemon.DossierQuery) (daemon.DossierPage, error) {
			return c.API.Dossiers(ctx, in)
		}}
	history = operation[historyCall, daemon.History]{path: prefix + "history",
		run: func(ctx context.Context, c *Config, in historyCall) (daemon.History, error) {
			return c.API.History(ctx, in.Limit)
		}}
	retry = operation[entryCall, ledger.Entry]{path: prefix + "retry",
		run: func(ctx context.Context, c *Config, in entryCall) (ledger.Entry, error) {
			return c.API.Retry(ctx, in.Number, in.By)
		},
		record: func(in entryCall, _ ledger.Entry) accounts.Record {
			return accounts.Record{Who: in.By, What: "retry", On: entryName(in.Number)}
		}}
	decide = operation[daemon.Decision, ledger.Entry]{path: prefix + "decide",
		run: func(ctx context.Context, c *Config, in daemon.Decision) (ledger.Entry, error) {
			return c.API.Decide(ctx, in)
		},
		record: recordDecision}
	dismiss = operation[entryCall, ledger.Entry]{path: prefix + "dismiss",
		run: func(ctx context.Context, c *Config, in entryCall) (ledger.Entry, error) {
			return c.API.Dismiss(ctx, in.Number, in.By)
		},
		record: func(in entryCall, _ ledger.Entry) accounts.Record {
			return accounts.Record{Who: in.By, What: "dismiss", On: entryName(in.Number)}
		}}
	connectFinbox = operation[connectionCall, connectionNoted]{path: prefix + "connect-finbox",
		run: func(ctx context.Context, c *Config, in connectionCall) (out connectionNoted, err error) {
			out.Connection, out.Notes, err = c.API.ConnectFinbox(ctx, in.ID, in.By)
			return out, err
		},
		record: func(in connectionCall, _ connectionNoted) accounts.Record {
			return accounts.Record{Who: in.By, What: "connect-finbox", On: clip.Text(in.ID)}
		}}
	connections = operation[none, []ledger.Connection]{path: prefix + "connections",
		run: func(ctx context.Context, c *Config, _ none) ([]ledger.Connection, error) {
			return c.API.Connections(ctx)
		}}
	setConnection = operation[connectionCall, ledger.Connection]{path: prefix + "set-connection",
		run: func(ctx context.Context, c *Config, in connectionCall) (ledger.Connection, error) {
			return c.API.SetConnection(ctx, in.ID, in.Status, in.By)
		},
		record: func(in connectionCall, _ ledger.Connection) accounts.Record {
			what := "connection-set"
			switch in.Status {
			case ledger.Active, ledger.Paused, ledger.Removed:
				what = "connection-" + string(in.Status)
			}
			return accounts.Record{Who: in.By, What: what, On: clip.Text(in.ID)}
		}}
	firms = operation[none, []ledger.Firm]{path: prefix + "firms",
		run: func(ctx context.Context, c *Config, _ none) ([]ledger.Firm, error) { return c.API.Firms(ctx) }}
	takeOver = operation[firmCall, none]{path: prefix + "take-over",
		run: func(ctx context.Context, c *Config, in firmCall) (none, error) {
			return none{}, c.API.TakeOver(ctx, in.FirmID, in.By)
		},
		record: func(in firmCall, _ none) accounts.Record {
			return accounts.Record{Who: in.By, What: "take-over", On: strconv.FormatInt(in.FirmID, 10)}
		}}
	removeFirm = operation[firmCall, none]{path: prefix + "remove-firm",
		run: func(ctx context.Context, c *Config, in firmCall) (none, error) {
			return none{}, c.API.RemoveFirm(ctx, in.FirmID, in.By)
		},
		record: func(in firmCall, _ none) accounts.Record {
			return accounts.Record{Who: in.By, What: "remove-firm", On: strconv.FormatInt(in.FirmID, 10)}
		}}
	beginSilverfin = operation[beginCall, daemon.SignIn]{path: prefix + "begin-silverfin",
		run: func(ctx context.Context, c *Config, in beginCall) (daemon.SignIn, error) {
			return c.API.BeginSilverfin(ctx, in.FirmID, in.Redirect)
		}}
	endSilverfin = operation[endCall, firmNoted]{path: prefix + "end-silverfin",
		run: func(ctx context.Context, c *Config, in endCall) (out firmNoted, err error) {
			out.Firm, out.Notes, err = c.API.EndSilverfin(ctx, in.State, in.Code, in.FirmID, in.By)
			return out, err
		},
		// The code and the state are never recorded.
		record: func(in endCall, out firmNoted) accounts.Record {
			r := accounts.Record{Who: in.By, What: "connect-silverfin"}
			if out.Firm.ID != 0 {
				r.On = fmt.Sprintf("%s (%d)", out.Firm.Name, out.Firm.ID)
			}
			return r
		}}
	link = operation[linkCall, ledger.DossierLink]{path: prefix + "link",
		run: func(ctx context.Context, c *Config, in linkCall) (ledger.DossierLink, error) {
			return c.API.Link(ctx, in.DossierLink, in.By)
		},
		record: func(in linkCall, saved ledger.DossierLink) accounts.Record {
			on := fmt.Sprintf("%s → /f/%d/%d", clip.Text(in.DossierID), in.FirmID, in.CompanyID)
			if n := saved.NumberDiffers; n.CompanyNumber != "" {
				on += fmt.Sprintf(" (%s ≠ %s)", n.DossierNumber.Pretty(), n.CompanyNumber.Pretty())
			}
			return accounts.Record{Who: in.By, What: "link", On: on}
		}}
	links = operation[none, []ledger.DossierLink]{path: prefix + "links",
		run: func(ctx context.Context, c *Config, _ none) ([]ledger.DossierLink, error) { return c.API.Links(ctx) }}
	backup = operation[byCall, ledger.Backup]{path: prefix + "backup",
		run: func(ctx context.Context, c *Config, in byCall) (ledger.Backup, error) {
			return c.API.Backup(ctx, in.By)
		},
		record: func(in byCall, _ ledger.Backup) accounts.Record {
			return accounts.Record{Who: in.By, What: "backup"}
		}}
	reload = operation[byCall, Reloaded]{path: prefix + "reload",
		run: func(ctx context.Context, c *Config, in byCall) (Reloaded, error) {
			if c.Reload == nil {
				return Reloaded{}, problem.New(problem.NotAllowed, "this daemon cannot read its configuration again", "Restart it.")
			}
			return c.Reload(ctx, in.By)
		}}
	people = operation[none, []accounts.Account]{path: prefix + "people",
		run: func(ctx context.Context, c *Config, _ none) ([]accounts.Account, error) {
			if c.People == nil {
				return nil, errNoPeople
			}
			return c.People.Accounts(ctx)
		}}
	invite = operation[inviteCall, accounts.Invitation]{path: prefix + "invite",
		run: func(ctx context.Context, c *Config, in inviteCall) (accounts.Invitation, error) {
			if c.People == nil {
				return accounts.Invitation{}, errNoPeople
			}
			return c.People.Invite(ctx, in.Name, in.Role, in.By)
		}}
	enable = operation[enableCall, enabled]{path: prefix + "enable",
		run: func(ctx context.Context, c *Config, in enableCall) (enabled, error) {
			if c.People == nil {
				return enabled{}, errNoPeople
			}
			q, err := c.People.Enable(ctx, in.Name, in.By)
			return enabled{q.Name, q.Role}, err
		}}
)

// operations lists all operations but the streams.
func operations() []served {
	return []served{status, show, document, dossiers, history, retry, decide, dismiss, connectFinbox, connections,
		setConnection, firms, takeOver, removeFirm, beginSilverfin, endSilverfin, link, links, backup, reload, people, invite, enable}
}

// errNoPeople is the problem of a call about people where there are no pages.
var errNoPeople = problem.New(problem.NotAllowed, "this daemon has no web pages", "Set portal.listen in the configuration, and restart it.")

func entryName(number uint64) string { return "#" + strconv.FormatUint(number, 10) }

// recordDecision names the cells, never their figures.
func recordDecision(in daemon.Decision, _ ledger.Entry) accounts.Record {
	r := accounts.Record{Who: in.By, What: "decide-finbox", On: entryName(in.Number)}
	if in.Choice == daemon.KeepSilverfin {
		r.What = "decide-silverfin"
	}
	for i, c := range in.Cells {
		if i == 20 {
			r.On += " …"
			break
		}
		r.On += " " + c.String()
	}
	return r
}
