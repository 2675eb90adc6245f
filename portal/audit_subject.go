package portal

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// auditView is a record with what it is about, by name.
type auditView struct {
	accounts.Record

	Subject []auditPart
}

// Text returns what the record is about.
func (v auditView) Text() string {
	var b strings.Builder
	for _, p := range v.Subject {
		b.WriteString(p.Text)
	}
	return b.String()
}

// auditPart is a part of what a record is about. Address is empty where it leads nowhere.
type auditPart struct{ Text, Address string }

// auditNames finds the names of what records are about. It asks once for each.
type auditNames struct {
	rq          *request
	firms       map[int64]string
	connections map[string]string
	entries     map[uint64]*auditPart // nil for one that is gone
	dossiers    map[string]*auditPart
}

// auditViews returns records with what they are about by name.
func (rq *request) auditViews(list []accounts.Record) ([]auditView, error) {
	firms, connections, err := rq.placeNames()
	if err != nil {
		return nil, err
	}
	n := &auditNames{rq, firms, connections, map[uint64]*auditPart{}, map[string]*auditPart{}}
	out := make([]auditView, len(list))
	for i, r := range list {
		parts, err := n.parts(r)
		if err != nil {
			return nil, err
		}
		out[i] = auditView{r, parts}
	}
	return out, nil
}

// subjectWord is a number of an entry, a company in Silverfin, or another word.
var subjectWord = regexp.MustCompile(`#[0-9]+|/f/[0-9]+/[0-9]+|[^\s()#,]+`)

// parts splits what a record is about, and names what it can.
func (n *auditNames) parts(r accounts.Record) (list []auditPart, err error) {
	at := 0
	for _, m := range subjectWord.FindAllStringIndex(r.On, -1) {
		word := r.On[m[0]:m[1]]
		named, err := n.name(r, word, m[0] == 0)
		if err != nil {
			return nil, err
		}
		if named == nil {
			continue
		}
		if m[0] > at {
			list = append(list, auditPart{Text: r.On[at:m[0]]})
		}
		list, at = append(list, *named), m[1]
	}
	if at < len(r.On) {
		list = append(list, auditPart{Text: r.On[at:]})
	}
	return list, nil
}

// name returns what a word of a record stands for; nil where it stands for itself.
func (n *auditNames) name(r accounts.Record, word string, first bool) (*auditPart, error) {
	if number, ok := strings.CutPrefix(word, "#"); ok && r.What != "stop-sync" {
		value, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return nil, nil
		}
		return n.entry(value)
	}
	if name := n.connections[word]; name != "" {
		return &auditPart{name, "/connection"}, nil
	}
	if firm, ok := strings.CutPrefix(word, "/f/"); ok {
		id, company, _ := strings.Cut(firm, "/")
		number, _ := strconv.ParseInt(id, 10, 64)
		value, _ := strconv.ParseInt(company, 10, 64)
		base := n.rq.setting("silverfin.base_url")
		return &auditPart{cmp.Or(n.firms[number], id) + " / " + company, targetURL(base, &ledger.Target{FirmID: number, CompanyID: value})}, nil
	}
	switch {
	case !first:
	case strings.HasSuffix(r.What, "-firm") || strings.HasSuffix(r.What, "-mapping") || r.What == "take-over":
		number, err := strconv.ParseInt(word, 10, 64)
		if err == nil && n.firms[number] != "" {
			return &auditPart{n.firms[number], "/connection"}, nil
		}
	case r.What == "link" || r.What == "unlink":
		return n.dossier(word)
	}
	return nil, nil
}

// entry names the dossier of an entry.
func (n *auditNames) entry(number uint64) (*auditPart, error) {
	if part, ok := n.entries[number]; ok {
		return part, nil
	}
	f, err := n.rq.API.Show(n.rq.r.Context(), daemon.EntryRequest{Number: number})
	switch {
	case problem.Is(err, problem.NotFound):
		n.entries[number] = nil
	case err != nil:
		return nil, err
	default:
		n.entries[number] = &auditPart{n.rq.entry(f.Entry).Name() + " (#" + strconv.FormatUint(number, 10) + ")", dossierPath(number)}
	}
	return n.entries[number], nil
}

// dossier names a dossier by its reference.
func (n *auditNames) dossier(ref string) (*auditPart, error) {
	if part, ok := n.dossiers[ref]; ok {
		return part, nil
	}
	page, err := n.rq.API.Dossiers(n.rq.r.Context(), daemon.DossierQuery{Search: ref, Limit: 50})
	if err != nil {
		return nil, err
	}
	n.dossiers[ref] = nil
	for _, e := range page.Entries {
		if e.Dossier.IsNamed(ref) {
			n.dossiers[ref] = &auditPart{n.rq.entry(e).Name(), dossierPath(e.Number)}
			break
		}
	}
	return n.dossiers[ref], nil
}
