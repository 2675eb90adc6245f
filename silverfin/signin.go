package silverfin

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

const (
	// outOfBand is the redirect that makes Silverfin show the code, for a
	// person to paste.
	outOfBand = "urn:ietf:wg:oauth:2.0:oob"
	// signInLasts is how long a sign-in that was begun can be ended.
	signInLasts = 30 * time.Minute
	// maxSignIns bounds the sign-ins that are begun and not ended.
	maxSignIns = 100

	nextSignIn = "Start again with: balansd connect silverfin"
)

// pendingSignIns are the sign-ins begun, in memory: they die with the process.
type pendingSignIns struct {
	mu    sync.Mutex
	begun map[string]signIn // by state
}

type signIn struct {
	firm     int64 // asked for, 0 for none
	redirect string
	scopes   []string // asked for
	at       time.Time
}

// Begin starts a sign-in: a person opens url in a browser and says yes. firmID
// preselects a firm, 0 for none; redirect is the address of a Callback, or
// empty for a code that Silverfin shows and a person pastes. state belongs to
// End; it works once, within 30 minutes, in this process. The scopes are those of the
// targets, see Scopes. Begin makes no call.
func (c *Client) Begin(_ context.Context, firmID int64, redirect string, targets ...mapping.Target) (address, state string, err error) {
	if firmID < 0 {
		return "", "", problem.New(problem.Usage, "a firm's id is a positive number", "Look it up in the address of Silverfin, after /f/.")
	}
	s := signIn{firm: firmID, redirect: cmp.Or(redirect, outOfBand), scopes: c.Scopes(targets...), at: c.cfg.Now()}
	state = rand.Text()
	c.pending.add(state, s)
	return c.app(firmID, s.redirect, s.scopes).AuthCodeURL(state), state, nil
}

// End ends a sign-in and returns the firm that was linked. firmID is the firm that was
// granted; if it is another than the requested one, a note says so. With a pasted code
// it is what the person enters, or 0 for the requested firm.
//
// The tokens are saved before they are used. If the connection test that follows
// fails, the stored tokens are restored to those before.
func (c *Client) End(ctx context.Context, state, code string, firmID int64) (ledger.Firm, []string, error) {
	code = strings.TrimSpace(code)
	s, ok := c.pending.find(state, c.cfg.Now())
	switch {
	case !ok:
		return ledger.Firm{}, nil, problem.New(problem.SilverfinSignIn,
			"this sign-in to Silverfin was not begun here, is older than 30 minutes, or was already ended", nextSignIn)
	case code == "":
		return ledger.Firm{}, nil, problem.New(problem.SilverfinSignIn, "the code of the sign-in to Silverfin is missing",
			"Paste the code that Silverfin shows after you say yes.")
	case firmID == 0:
		firmID = s.firm
	}
	if firmID <= 0 {
		return ledger.Firm{}, nil, problem.New(problem.SilverfinSignIn, "it is not known which Silverfin firm was granted",
			"Say the firm's id, which is in the address of Silverfin after /f/.")
	}
	if !c.pending.remove(state) {
		return ledger.Firm{}, nil, problem.New(problem.SilverfinSignIn, "this sign-in to Silverfin was already ended", nextSignIn)
	}
	reply, err := c.exchangeCode(ctx, firmID, s.redirect, code)
	if err == nil && reply.refreshToken == "" {
		err = problem.New(problem.SilverfinSignIn, "Silverfin gave no refresh token, so that the link would last two hours",
			"Ask Silverfin whether the application may refresh its tokens.")
	}
	if err != nil {
		return ledger.Firm{}, nil, signInProblem(err)
	}
	firm, err := c.link(ctx, firmID, reply)
	if err != nil {
		return ledger.Firm{}, nil, err
	}
	// A server that does not list them has granted all (RFC 6749, section 5.1).
	if firm.Scopes = reply.scopes; len(firm.Scopes) == 0 {
		firm.Scopes = s.scopes
	}
	firm.Missing = firm.Lacks(s.scopes)
	var notes []string
	for _, scope := range firm.Missing {
		notes = append(notes, fmt.Sprintf("Silverfin did not grant the scope %s: %s. Ask Silverfin to give it to the application, and link the firm again.",
			scope, cmp.Or(scopeNeeds[scope], "what needs it does not work")))
	}
	if s.firm != 0 && s.firm != firmID {
		notes = append(notes, fmt.Sprintf("Another firm was granted than asked for: %d (%s) instead of %d.", firm.ID, firm.Name, s.firm))
	}
	return firm, notes, nil
}

// link saves the tokens, then tests them.
func (c *Client) link(ctx context.Context, firmID int64, reply tokenReply) (ledger.Firm, error) {
	f := c.Firm(firmID)
	undo, err := f.tokens.replace(ctx, reply)
	if err != nil {
		return ledger.Firm{}, err
	}
	name, err := f.test(ctx)
	if err != nil {
		// The undo is needed even if the person stops waiting.
		if failed := undo(context.WithoutCancel(ctx)); failed != nil {
			return ledger.Firm{}, errors.Join(err, failed)
		}
		return ledger.Firm{}, err
	}
	if err := f.tokens.rename(ctx, name); err != nil {
		return ledger.Firm{}, err
	}
	now := c.cfg.Now()
	return ledger.Firm{ID: firmID, Name: name, LinkedAt: now, RenewedAt: now, LinkedBy: f.user(ctx)}, nil
}

// test requests the firm of the tokens, which needs no scope, and returns its name.
func (f *Firm) test(ctx context.Context) (string, error) {
	c := call{method: http.MethodGet, path: "/user/firm", doing: "testing the link"}
	body, err := f.do(ctx, c)
	if err != nil {
		return "", err
	}
	var firm struct {
		ID   int64 `json:"id"`
		Name any   `json:"name"`
	}
	if err := f.decode(c, body, &firm); err != nil {
		return "", err
	}
	if firm.ID != f.id {
		return "", problem.New(problem.SilverfinSignIn,
			fmt.Sprintf("the tokens that Silverfin gave are for firm %d, not for firm %d", firm.ID, f.id), nextSignIn)
	}
	return clip.Line(jsonText(firm.Name)), nil
}

// user asks who gave consent. Nobody misses it: without the scope it is empty.
func (f *Firm) user(ctx context.Context) string {
	body, err := f.do(ctx, call{method: http.MethodGet, path: "/user", doing: "reading who linked the firm", scope: "user:profile"})
	if err != nil {
		return ""
	}
	var user struct{ Name, Username, Email any }
	if json.Unmarshal(body, &user) != nil {
		return ""
	}
	return clip.Line(cmp.Or(jsonText(user.Name), jsonText(user.Username), jsonText(user.Email)))
}

// signInProblem says what a refused code means for the person at the screen.
func signInProblem(err error) error {
	if !errors.Is(err, errGrantLost) {
		return err
	}
	return problem.New(problem.SilverfinSignIn,
		"Silverfin does not take the code of the sign-in: it was used already, is too old, was pasted in part, or belongs to another redirect address",
		nextSignIn+". A code works once and for about ten minutes.")
}

// Refused is the problem for a sign-in that Silverfin sends back with an error
// (RFC 6749, section 4.1.2.1) instead of a code.
func Refused(errorCode, description string) error {
	switch errorCode {
	case "access_denied":
		return problem.New(problem.SilverfinSignIn, "the sign-in to Silverfin was refused: the person said no, or may not link this firm",
			"Let an administrator of the firm sign in: balansd connect silverfin")
	case "invalid_scope":
		return problem.New(problem.SilverfinSignIn, "Silverfin does not give the application all the scopes that balansd asks for",
			"Ask Silverfin to add the scopes to the application, or set fewer scopes in the configuration.")
	case "invalid_client", "unauthorized_client", "invalid_redirect_uri":
		return problem.New(problem.ConfigInvalid,
			fmt.Sprintf("Silverfin does not take the application's client id or redirect address (%s)", errorCode),
			"Check the client id and the redirect address against what Silverfin registered; without a redirect address, paste the code.")
	}
	return problem.New(problem.SilverfinSignIn,
		fmt.Sprintf("the sign-in to Silverfin did not succeed (%s)", clip.Line(errorCode+" "+description)), nextSignIn)
}

// Renew renews a firm's tokens if the last renewal is olderThan ago, and reports
// whether it did. A refresh token expires after 60 days without use, so an idle firm
// needs a renewal every few weeks.
//
// One read follows a renewal: it shows that the new tokens work, and revokes the old
// refresh token, as their first use does. A temporary problem of that call is not an
// error.
func (c *Client) Renew(ctx context.Context, firmID int64, olderThan time.Duration) (bool, error) {
	f := c.Firm(firmID)
	renewed, err := f.tokens.renewOlder(ctx, olderThan)
	if err != nil || !renewed {
		return renewed, err
	}
	if _, err := f.test(ctx); err != nil && !problem.Is(err, problem.SilverfinDown) {
		return true, err
	}
	return true, nil
}

// Forget removes a firm's tokens. Silverfin documents no way to revoke them:
// they end by themselves, or when a person withdraws the consent there.
func (c *Client) Forget(ctx context.Context, firmID int64) error {
	return c.Firm(firmID).tokens.forget(ctx)
}

func (p *pendingSignIns) add(state string, s signIn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun == nil {
		p.begun = map[string]signIn{}
	}
	oldest := ""
	for k, v := range p.begun {
		if s.at.Sub(v.at) > signInLasts {
			delete(p.begun, k)
		} else if oldest == "" || v.at.Before(p.begun[oldest].at) {
			oldest = k
		}
	}
	if len(p.begun) >= maxSignIns {
		delete(p.begun, oldest)
	}
	p.begun[state] = s
}

func (p *pendingSignIns) find(state string, now time.Time) (signIn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.begun[state]
	return s, ok && now.Sub(s.at) <= signInLasts
}

// remove returns false when someone else was first.
func (p *pendingSignIns) remove(state string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.begun[state]
	delete(p.begun, state)
	return ok
}

// scopeNeeds says what does not work without a scope.
var scopeNeeds = map[string]string{
	"user:profile":         "it is not known who linked the firm",
	"administration:read":  "companies and templates cannot be read",
	"administration:write": "figures cannot be written at the level of periods",
	"communication:read":   "periods cannot be read",
	"financials:read":      "periods and figures cannot be read",
	"financials:write":     "figures cannot be written at the level of reconciliations",
	"workflows:read":       "it cannot be seen whether the workflow is open",
	"links":                "there is no link in Silverfin to the pages of balansd",
}

// TakeOver allows renewing the tokens of a firm although they came with a copy of the
// state: a person confirms that no other balansd renews them any more.
func (c *Client) TakeOver(ctx context.Context, firmID int64) error {
	return c.Firm(firmID).tokens.takeOver(ctx)
}
