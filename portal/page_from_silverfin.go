package portal

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"balansd/ledger"
)

func (h *Handler) fromSilverfinRoutes() []route {
	return []route{
		{method: http.MethodGet, path: ledger.AppLinkPath, access: open, handle: arriveFromSilverfin},
		{method: http.MethodGet, path: ledger.AppLinkPath + "/{company}", access: staff, handle: openCompany},
	}
}

// arriveFromSilverfin answers the app link in Silverfin. The strict session cookie is not
// part of a request that comes from another site, so it tells nothing: its page leads on
// to a path that has the cookie.
func arriveFromSilverfin(rq *request) error {
	to := "/dossiers"
	if company := companyOf(rq.r); company != 0 {
		to = ledger.AppLinkPath + "/" + strconv.FormatInt(company, 10)
	}
	return rq.renderPage("fromsilverfin", to)
}

// addressOfCompany finds the company in the path of a page of Silverfin.
var addressOfCompany = regexp.MustCompile(`^/f/\d+/(?:companies/)?(\d+)(?:/|$)`)

// companyOf returns the company from which an app link was opened; 0 where it is not
// known. Silverfin does not document how it says so.
func companyOf(r *http.Request) int64 {
	for _, name := range []string{"company_id", "company", "id"} {
		if n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64); err == nil && n > 0 {
			return n
		}
	}
	from, err := url.Parse(r.Referer())
	if err != nil {
		return 0
	}
	if m := addressOfCompany.FindStringSubmatch(from.Path); m != nil {
		if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// openCompany leads to the page of the dossier whose balances go to a company; where there
// are several to a list of them, and where there is none to that of all.
func openCompany(rq *request) error {
	company, err := strconv.ParseInt(rq.r.PathValue("company"), 10, 64)
	if err != nil {
		return rq.redirect("/dossiers")
	}
	var newest ledger.Entry
	several := false
	for e, err := range rq.API.Entries(rq.r.Context(), ledger.Query{}) {
		switch {
		case err != nil:
			return err
		case e.Target == nil || e.Target.CompanyID != company:
			continue
		case newest.Number != 0 && (e.Connection != newest.Connection || e.Dossier.ID != newest.Dossier.ID):
			several = true
		}
		if newest.Number == 0 || e.FiscalYear.End.Compare(newest.FiscalYear.End) > 0 {
			newest = e
		}
	}
	switch {
	case newest.Number == 0:
		return rq.redirect("/dossiers")
	case several:
		return rq.redirect("/dossiers?" + url.Values{"q": {newest.Target.CompanyName}}.Encode())
	}
	return rq.redirect("/dossiers/" + strconv.FormatUint(newest.Number, 10))
}
