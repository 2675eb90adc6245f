package portal

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// maxLinkTable bounds a table of links that is imported on the page, and maxTableForm
// the form with it.
const (
	maxLinkTable = 8 << 20
	maxTableForm = 2 * maxLinkTable
)

func (h *Handler) linkRoutes() []route {
	return append([]route{
		{method: http.MethodGet, path: "/links", access: staff, handle: linksPage, nav: "nav.links"},
		{method: http.MethodGet, path: "/links/export.csv", access: staff, handle: exportLinks},
		{method: http.MethodPost, path: "/links/import", access: admin, handle: importLinks, maxBody: maxTableForm},
	}, sheetRoutes("/links", staff, linkSheet)...)
}

// linksData is the data of the page of all links.
type linksData struct {
	Links    []linkRow
	More     int
	Search   string
	Free     []freeCompany
	FreeMore bool
	Admin    bool
	Take     takeAlong
	Import   *linkImportView // of a table that was sent; nil for none
}

// linkRow is a link with the dossier's newest balance, if there is one.
type linkRow struct {
	ledger.DossierLink

	Name  string
	Entry uint64
}

// Place returns the company in the form of Silverfin's addresses.
func (r linkRow) Place() string { return fmt.Sprintf("/f/%d/%d", r.FirmID, r.CompanyID) }

// freeCompany is a company to which no dossier goes.
type freeCompany struct {
	daemon.Client

	Candidates []freeCandidate
}

// freeCandidate is a dossier that may be that of a company.
type freeCandidate struct {
	entryView

	Why  string // the message that says why
	Sure int
}

// linkImportView is what a table would change.
type linkImportView struct {
	daemon.LinkImported

	Rows    []linkEffect
	Data    string // the table, base64
	Changed bool   // what was shown before is no longer so
}

// linkEffect is what a row of a table changes.
type linkEffect struct {
	daemon.LinkEffect

	Name     string
	Balances []linkedBalance
}

// KindKey returns the message of what the row does.
func (e linkEffect) KindKey() string {
	return cmp.Or(map[daemon.LinkEffectKind]string{daemon.LinkAdded: "links.added", daemon.LinkMoved: "links.moved",
		daemon.LinkChanged: "links.changed", daemon.LinkRemoved: "links.removed"}[e.Kind], "links.changed")
}

// The longest lists of the page.
const (
	maxListedLinks = 200
	maxListedFree  = 25
)

// linksPage lists the links that people set, and the companies to which no dossier goes.
func linksPage(rq *request) error { return rq.showLinks(http.StatusOK, nil) }

func (rq *request) showLinks(status int, imported *linkImportView) error {
	ctx := rq.r.Context()
	d := linksData{Search: strings.TrimSpace(rq.r.URL.Query().Get("q")), Admin: rq.person.Role == accounts.Admin, Import: imported, Take: newTakeAlong("/links", nil, false)}
	links, err := rq.API.Links(ctx)
	if err != nil {
		return err
	}
	d.More = max(0, len(links)-maxListedLinks)
	for _, l := range links[:min(len(links), maxListedLinks)] {
		row := linkRow{DossierLink: l, Name: l.DossierID}
		page, err := rq.API.Dossiers(ctx, daemon.DossierQuery{Search: l.DossierID, Connection: l.Connection, Limit: 1})
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if e.Dossier.IsNamed(l.DossierID) {
				row.Name, row.Entry = rq.entry(e).Name(), e.Number
			}
		}
		d.Links = append(d.Links, row)
	}
	if imported == nil {
		free, err := rq.API.FreeCompanies(ctx, daemon.CompanyQuery{Search: d.Search, Limit: maxListedFree})
		if err != nil {
			return err
		}
		d.FreeMore = free.Total > len(free.Companies)
		for _, c := range free.Companies {
			one := freeCompany{Client: c.Company}
			for _, x := range c.Candidates {
				one.Candidates = append(one.Candidates, freeCandidate{rq.entry(x.Entry), suggestionMessage(&x.Suggestion), x.Suggestion.Sure})
			}
			d.Free = append(d.Free, one)
		}
	}
	return rq.renderPageStatus(status, "links", d)
}

// exportLinks answers with a table of all dossiers and their links.
func exportLinks(rq *request) error {
	table, err := rq.API.ExportLinks(rq.r.Context())
	if err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="balansd-links.csv"`)
	_, err = rq.w.Write(table.Data)
	return err
}

// importLinks shows what a table would change, and changes it once that was seen.
func importLinks(rq *request) error {
	in, err := rq.readLinkTable()
	if err != nil {
		return err
	}
	if len(in.Data) == 0 {
		rq.flashWarning("upload.no-file")
		return rq.redirect("/links")
	}
	return rq.runTask(func(ctx context.Context) func(*request) error {
		got, err := rq.API.ImportLinks(ctx, in)
		changed := problem.Is(err, problem.Conflict)
		if changed { // show it as it is now
			in.Apply, in.Seen = false, ""
			got, err = rq.API.ImportLinks(ctx, in)
		}
		return func(rq *request) error {
			if err != nil {
				return err
			}
			if got.Applied {
				rq.flash("links.imported")
				return rq.redirect("/links")
			}
			view := &linkImportView{LinkImported: got, Data: base64.StdEncoding.EncodeToString(in.Data), Changed: changed}
			for _, e := range got.Effects {
				one := linkEffect{LinkEffect: e, Name: cmp.Or(e.Dossier.Name, e.Link.DossierID)}
				for _, b := range e.Balances {
					one.Balances = append(one.Balances, linkedBalance{rq.entry(b.Entry), b.Outlook})
				}
				view.Rows = append(view.Rows, one)
			}
			return rq.showLinks(http.StatusOK, view)
		}
	})
}

// readLinkTable reads the form with a table: a file, or what was shown before.
func (rq *request) readLinkTable() (in daemon.LinkImport, err error) {
	in.By = rq.person.Name
	parts, err := rq.r.MultipartReader()
	if err != nil {
		return in, accounts.Refusal{Status: http.StatusBadRequest}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return in, nil
		}
		if err != nil {
			return in, uploadBroken(err)
		}
		text, err := io.ReadAll(io.LimitReader(part, maxTableForm))
		if err != nil {
			return in, uploadBroken(err)
		}
		switch part.FormName() {
		case "table":
			in.Data = text
		case "data":
			if in.Data, err = base64.StdEncoding.DecodeString(string(text)); err != nil {
				return in, accounts.Refusal{Status: http.StatusBadRequest}
			}
		case "seen":
			in.Seen, in.Apply = string(text), len(text) > 0
		}
		if len(in.Data) > maxLinkTable {
			return in, problem.New(problem.TooLarge, "the table is larger than is taken at once", "Split it.")
		}
	}
}
