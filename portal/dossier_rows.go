package portal

import (
	"html/template"
	"strings"
	"sync"

	"balansd/ledger"
)

// dossierRows are rows of the list of dossiers as they were rendered. Most of the time of a
// page goes into them, and an entry of one version always looks the same. The zero value is
// ready to use, and is safe for concurrent use.
type dossierRows struct {
	mu             sync.Mutex
	newest, former map[dossierRowKey]template.HTML
}

// dossierRowKey is what the text of a row depends on.
type dossierRowKey struct {
	language, baseURL string
	number, version   uint64
}

// mostDossierRows bounds the rows of newest and of former: about 2 MB each.
const mostDossierRows = 2000

// get returns a row, where it is known.
func (d *dossierRows) get(key dossierRowKey) (template.HTML, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	row, ok := d.newest[key]
	if !ok {
		if row, ok = d.former[key]; ok {
			d.put(key, row) // it is asked for
		}
	}
	return row, ok
}

// add keeps a row.
func (d *dossierRows) add(key dossierRowKey, row template.HTML) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(key, row)
}

func (d *dossierRows) put(key dossierRowKey, row template.HTML) {
	if len(d.newest) >= mostDossierRows {
		d.newest, d.former = nil, d.newest
	}
	if d.newest == nil {
		d.newest = map[dossierRowKey]template.HTML{}
	}
	d.newest[key] = row
}

// dossierRows returns the rows of entries in the list of dossiers.
func (rq *request) dossierRows(list []ledger.Entry) ([]template.HTML, error) {
	page, base := rq.pages.byLanguage[rq.locale.Lang]["dossiers"], rq.setting("silverfin.base_url")
	rows := make([]template.HTML, len(list))
	for i, e := range list {
		key := dossierRowKey{rq.locale.Lang, base, e.Number, e.Version}
		row, ok := rq.rows.get(key)
		if !ok {
			var b strings.Builder
			if err := page.ExecuteTemplate(&b, "dossier-row", entryView{e, base}); err != nil {
				return nil, err
			}
			row = template.HTML(b.String()) //nolint:gosec // html/template made it
			rq.rows.add(key, row)
		}
		rows[i] = row
	}
	return rows, nil
}
