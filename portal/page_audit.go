package portal

import (
	"net/http"
	"strconv"

	"balansd/accounts"
)

func (h *Handler) auditRoutes() []route {
	return []route{{method: http.MethodGet, path: "/audit", access: admin, handle: auditPage, nav: "nav.audit"}}
}

// auditPageSize is the number of records on a page.
const auditPageSize = 100

func auditPage(rq *request) error {
	before, _ := strconv.ParseUint(rq.r.URL.Query().Get("before"), 10, 64)
	list, older, err := rq.AuditLog.Page(rq.r.Context(), before, auditPageSize)
	if err != nil {
		return err
	}
	return rq.renderPage("audit", struct {
		Records []accounts.Record
		Older   uint64
		First   bool
		Size    int
	}{list, older, before == 0, rq.AuditLog.Size})
}
