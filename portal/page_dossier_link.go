package portal

import (
	"net/http"
	"regexp"
	"strconv"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// linkConflict is a link that was refused because the enterprise numbers differ.
type linkConflict struct {
	Address string // as pasted
	ledger.NumberDiffers
	WrongName bool // another name was typed
	Admin     bool // the person may confirm by typing the name
}

// silverfinAddress matches the address of a dossier in Silverfin: the firm, the company.
var silverfinAddress = regexp.MustCompile(`/f/([0-9]{1,18})/([0-9]{1,18})(?:[/?#]|$)`)

// linkDossier links a dossier to the company in Silverfin whose address a person pasted.
// Where the enterprise numbers differ, an admin must type the company's name.
func linkDossier(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	m := silverfinAddress.FindStringSubmatch(rq.r.PostForm.Get("address"))
	if m == nil {
		rq.flashWarning("dossier.link-wrong")
		return rq.redirect(dossierPath(f.Entry.Number))
	}
	firm, _ := strconv.ParseInt(m[1], 10, 64)
	company, _ := strconv.ParseInt(m[2], 10, 64)
	firms, err := rq.API.Firms(rq.r.Context())
	if err != nil {
		return err
	}
	known := false
	for _, one := range firms {
		known = known || one.ID == firm
	}
	if !known {
		rq.flashWarning("dossier.link-firm", "Firm", m[1])
		return rq.redirect(dossierPath(f.Entry.Number))
	}
	l := ledger.DossierLink{Connection: f.Entry.Connection, DossierID: f.Entry.Dossier.ID, FirmID: firm, CompanyID: company}
	if rq.person.Role == accounts.Admin {
		l.NumberDiffers.Company = rq.r.PostForm.Get("number_differs")
	}
	would, err := rq.API.Link(rq.r.Context(), daemon.LinkRequest{DossierLink: l, By: rq.person.Name})
	if problem.Is(err, problem.NumberDiffers) {
		return rq.showDossier(http.StatusConflict, f, &linkConflict{Address: rq.r.PostForm.Get("address"), NumberDiffers: would.NumberDiffers,
			WrongName: l.NumberDiffers.Company != "", Admin: rq.person.Role == accounts.Admin})
	}
	if err != nil {
		return err
	}
	if _, err := rq.API.Retry(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number, By: rq.person.Name}); err != nil {
		return err
	}
	rq.flash("dossier.linked", "Name", rq.entry(f.Entry).Name())
	return rq.redirect(dossierPath(f.Entry.Number))
}
