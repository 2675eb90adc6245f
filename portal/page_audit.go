package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
)

func (h *Handler) auditRoutes() []route {
	return append([]route{{method: http.MethodGet, path: "/audit", access: admin, handle: auditPage, nav: "nav.audit"}},
		sheetRoutes("/audit", admin, auditSheet)...)
}

// auditPageSize is the number of records on a page.
const auditPageSize = 100

// auditData is the data of the page of the audit log.
type auditData struct {
	Records []auditView
	Older   string // the address of the next page; empty at the end
	First   bool
	Size    int
	Filter  auditFilter
	Kinds   []auditKind
	Take    takeAlong
}

// auditFilter is what a person wants to see of the audit log.
type auditFilter struct {
	Search   string
	Kind     string
	Failed   bool
	From, To string // dates, both inclusive
	Filtered bool
}

// auditKind is a kind of actions to filter by: the beginnings of their names.
type auditKind struct {
	Key   string
	begin []string
}

// auditKinds are the kinds of actions.
func auditKinds() []auditKind {
	return []auditKind{
		{"dossiers", []string{"sync", "stop-sync", "retry", "dismiss", "bulk", "accept-reading", "view-document", "upload", "tie-", "untie-"}},
		{"decisions", []string{"decide-", "bulk-use_finbox", "bulk-keep_silverfin"}},
		{"links", []string{"link", "unlink", "import-links", "group", "ungroup", "bulk-link"}},
		{"people", []string{"invite", "withdraw", "accept", "role-", "disable", "enable", "remove-person", "password", "sign-"}},
		{"settings", []string{"connect-", "connection-", "remove-firm", "set-mapping", "forget-mapping", "take-over", "try-", "backup", "restore", "reload", "key-"}},
	}
}

// has reports whether an action is of the kind.
func (k auditKind) has(what string) bool {
	if k.Key == "people" && what == "accept-reading" {
		return false
	}
	for _, b := range k.begin {
		if strings.HasPrefix(what, b) {
			return true
		}
	}
	return false
}

func newAuditFilter(q url.Values) auditFilter {
	f := auditFilter{Search: strings.TrimSpace(q.Get("q")), Kind: q.Get("kind"), Failed: q.Get("failed") != "", From: q.Get("from"), To: q.Get("to")}
	f.Filtered = f.Search != "" || f.Kind != "" || f.Failed || f.From != "" || f.To != ""
	return f
}

// wanted returns what a record must have, in the language of the page: a search for a name
// finds what was done with its dossiers, too.
func (rq *request) wanted(f auditFilter) (func(accounts.Record) bool, error) {
	var kinds []auditKind
	for _, k := range auditKinds() {
		if k.Key == f.Kind {
			kinds = append(kinds, k)
		}
	}
	subjects, err := rq.searchedSubjects(f.Search)
	if err != nil {
		return nil, err
	}
	search := strings.ToLower(f.Search)
	return func(r accounts.Record) bool {
		day := balance.DateOf(r.At.In(rq.Zone)).String()
		switch {
		case f.Failed && r.Outcome == "", f.From != "" && day < f.From, f.To != "" && day > f.To, len(kinds) > 0 && !kinds[0].has(r.What):
			return false
		case search == "":
			return true
		}
		for _, word := range strings.Fields(r.On) {
			if subjects[word] && r.What != "stop-sync" { // which names runs
				return true
			}
		}
		what, _ := rq.locale.t("audit.do-" + r.What)
		return strings.Contains(strings.ToLower(r.Who+"\n"+r.On+"\n"+r.From+"\n"+what), search)
	}, nil
}

// maxSearchedDossiers bounds the dossiers that a search of the audit log goes by.
const maxSearchedDossiers = 200

// searchedSubjects returns how the audit log calls the dossiers and balances that a search
// finds.
func (rq *request) searchedSubjects(search string) (map[string]bool, error) {
	found := map[string]bool{}
	if search == "" {
		return found, nil
	}
	page, err := rq.API.Dossiers(rq.r.Context(), daemon.DossierQuery{Search: search, Limit: maxSearchedDossiers})
	for _, e := range page.Entries {
		found["#"+strconv.FormatUint(e.Number, 10)] = true
		for _, ref := range e.Dossier.References() {
			found[ref] = true
		}
	}
	return found, err
}

// auditPage lists the audit log, filtered.
func auditPage(rq *request) error {
	q := rq.r.URL.Query()
	before, _ := strconv.ParseUint(q.Get("before"), 10, 64)
	d := auditData{First: before == 0, Size: rq.AuditLog.Size, Filter: newAuditFilter(q), Kinds: auditKinds(),
		Take: takeAlong{CSV: auditAddress("/audit.csv", q, 0), Workbook: auditAddress("/audit.xlsx", q, 0)}}
	wanted, err := rq.wanted(d.Filter)
	if err != nil {
		return err
	}
	list, older, err := rq.AuditLog.Find(rq.r.Context(), before, auditPageSize, wanted)
	if err != nil {
		return err
	}
	if older > 0 {
		d.Older = auditAddress("/audit", q, older)
	}
	if d.Records, err = rq.auditViews(list); err != nil {
		return err
	}
	return rq.renderPage("audit", d)
}

// auditAddress returns an address of the audit log with the filter.
func auditAddress(path string, q url.Values, before uint64) string {
	out := url.Values{}
	for _, k := range []string{"q", "kind", "failed", "from", "to"} {
		if text := q.Get(k); text != "" {
			out.Set(k, text)
		}
	}
	if before > 0 {
		out.Set("before", strconv.FormatUint(before, 10))
	}
	if len(out) == 0 {
		return path
	}
	return path + "?" + out.Encode()
}

// auditSheet returns the audit log, filtered as its page.
func auditSheet(rq *request) (sheet, error) {
	s := sheet{name: "audit"}
	wanted, err := rq.wanted(newAuditFilter(rq.r.URL.Query()))
	if err != nil {
		return s, err
	}
	list, _, err := rq.AuditLog.Find(rq.r.Context(), 0, 2*rq.AuditLog.Size, wanted)
	if err != nil {
		return s, err
	}
	if s.head, err = rq.texts("audit.when", "audit.who", "audit.what", "audit.on", "audit.outcome", "audit.from"); err != nil {
		return s, err
	}
	views, err := rq.auditViews(list)
	if err != nil {
		return s, err
	}
	words, err := rq.texts("audit.well", "audit.local")
	if err != nil {
		return s, err
	}
	s.rows = rowsOf(views, func(r auditView) ([]any, error) {
		what, err := rq.locale.t("audit.do-" + r.What)
		outcome, from := words[0], r.From
		if err == nil && r.Outcome != "" {
			outcome, err = rq.locale.outcome(r.Outcome)
		}
		if from == accounts.FromCommandLine {
			from = words[1]
		}
		return []any{r.At, r.Who, what, r.Text(), outcome, from}, err
	})
	return s, nil
}
