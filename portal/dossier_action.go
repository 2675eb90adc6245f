package portal

import (
	"balansd/accounts"
	"balansd/ledger"
)

// dossierAction is the one button of a dossier that helps most.
type dossierAction struct {
	Label string // a message id
	// Post is where the button posts to; empty for a link to Address, or for a sync.
	Post    string
	Address string
	Sync    bool
}

// action returns what helps most with an entry; the zero dossierAction where nothing is to
// be done. What only waits is synced at once and keeps its reason until the result.
func (d dossierData) action(role accounts.Role) dossierAction {
	e, path := d.Entry, dossierPath(d.Entry.Number)
	if page := actionPages[e.Case()]; page.path != "" && page.role != "" && page.role == role {
		return dossierAction{Label: "do." + e.Case(), Address: page.path}
	}
	switch {
	case e.CanLink():
		return dossierAction{Label: "dossier.link-go", Address: path + "/link"}
	case e.Reason == ledger.LinkPaused:
		return dossierAction{Label: "do.link_paused", Address: path + "/link"}
	case d.Decision != nil:
		return dossierAction{Label: "do.differs", Address: "#differs"}
	case len(d.Doubts) > 0:
		return dossierAction{Label: "do." + string(ledger.DoubtfulFigures), Address: "#doubts"}
	case e.Reason == ledger.PartMissing || e.Reason == ledger.PartsDiffer:
		return dossierAction{Label: "dossier.others", Address: path + "/others"}
	case e.Reason == ledger.PartOfSum && e.Sum != 0:
		return dossierAction{Label: "group.open", Address: dossierPath(e.Sum)}
	case e.Reason == ledger.WhichCounts:
		return dossierAction{Label: "dossier.counts", Post: path + "/accept"}
	case d.retryLabel() != "":
		return dossierAction{Label: d.retryLabel(), Post: path + "/retry"}
	case e.State != ledger.Done && e.CanSync():
		return dossierAction{Label: "dossier.sync-now", Post: "/sync", Sync: true}
	}
	return dossierAction{}
}

// retryLabel returns what it means to try an entry again where a person's word is wanted
// for that; empty where none is.
func (d dossierData) retryLabel() string {
	switch e := d.Entry; {
	case e.Reason == ledger.HasFindings:
		return "dossier.release"
	case e.Case() == ledger.Archived:
		return "dossier.follow"
	case d.NewerDismissed:
		return "dossier.counts"
	case e.State == ledger.Ignored:
		return "dossier.retry"
	}
	return ""
}
