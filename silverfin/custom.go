package silverfin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// propertyJSON is one custom property on the wire.
type propertyJSON struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
	Value     string `json:"value"`
}

// propertyValue is one custom property as Silverfin returned it.
type propertyValue struct {
	mapping.Property
	value   string // see valueText
	present bool   // whether there is a value
}

// snapshot holds the custom properties of a target as they were read.
type snapshot struct {
	call     call
	pages    [][]propertyValue // as Silverfin cut them, with the one that ended the list
	figures  ledger.Figures
	pageOf   map[balance.Cell]int // index in pages
	token    string               // with which the last call was made
	lastRead int                  // index of the page that was read last
	at       time.Time            // when that was answered
}

// readProperties reads the custom properties of a target. The caller has the turn.
// A value that is no text, such as a collection, comes as its JSON, so that it
// counts as something that a person put there.
func (f *Firm) readProperties(ctx context.Context, p ledger.Target, to mapping.Target) (*snapshot, error) {
	c, err := f.customCall(p, http.MethodGet)
	if err != nil {
		return nil, err
	}
	r := &snapshot{call: c, figures: ledger.Figures{}, pageOf: map[balance.Cell]int{}}
	pages, err := f.list(ctx, r.getter(f), c, nil)
	if err != nil {
		return nil, err
	}
	for i, items := range pages {
		properties, err := f.properties(c, items)
		if err != nil {
			return nil, err
		}
		r.pages = append(r.pages, properties)
		for _, h := range properties {
			if cell, ours := to.Cell(h.Property); ours && h.present {
				r.figures[cell] = h.value
				r.pageOf[cell] = i
			}
		}
	}
	r.lastRead = len(pages) - 1
	return r, nil
}

// getter makes reads and records when the last one was answered, and with which
// token.
func (r *snapshot) getter(f *Firm) getter {
	return func(ctx context.Context, c call) (body []byte, err error) {
		body, r.token, err = f.get(ctx, c)
		r.at = time.Now()
		return body, err
	}
}

// properties reads the items of one page.
func (f *Firm) properties(c call, items listPage) ([]propertyValue, error) {
	list := make([]propertyValue, 0, len(items))
	for _, item := range items {
		r := readRecord(item)
		if len(r) == 0 {
			return nil, f.unable(c, "its answer cannot be read") // a person's figure may be behind it
		}
		var h propertyValue
		h.Namespace, _ = valueText(r["namespace"])
		h.Key, _ = valueText(r["key"])
		h.value, h.present = valueText(r["value"])
		list = append(list, h)
	}
	return list, nil
}

// pageOfCell returns the page that shows whether a person touched a cell since: the
// one that holds its property, or, where there is none, the last one. What is
// added to a list lengthens its last page, wherever it is put; when that one is
// full, the page after it.
func (r *snapshot) pageOfCell(c balance.Cell) int {
	if i, ok := r.pageOf[c]; ok {
		return i
	}
	end := len(r.pages) - 1
	if end == 0 {
		return 0
	}
	full := perPage
	if end > 1 {
		full = min(full, len(r.pages[0])) // Silverfin may use a smaller page size
	}
	if len(r.pages[end-1]) >= full {
		return end
	}
	return end - 1
}

// customCall returns the call to the custom properties of a target.
func (f *Firm) customCall(p ledger.Target, method string) (call, error) {
	if p.FirmID != f.id {
		return call{}, problem.New(problem.Unexpected, fmt.Sprintf("a place of firm %d was taken to firm %d", p.FirmID, f.id), "")
	}
	c := call{method: method, company: p.CompanyID, path: fmt.Sprintf("/companies/%d/periods/%d", p.CompanyID, p.PeriodID)}
	rights := "administration"
	if p.ReconciliationID != 0 {
		rights = "financials"
		c.path += fmt.Sprintf("/reconciliations/%d", p.ReconciliationID)
	}
	c.path += "/custom"
	of := fmt.Sprintf("the figures of %s for %s", dossier(ledger.Company{ID: p.CompanyID, Name: p.CompanyName}), p.PeriodEnd)
	c.doing, c.scope = "reading "+of, rights+":read"
	if method == http.MethodPost {
		c.doing, c.scope = "writing "+of, rights+":write"
	}
	return c, nil
}

// valueText returns a JSON value as text: texts as they are, numbers and yes or
// no as written, lists and objects as compact JSON. False for null and for a
// value that is not there.
func valueText(raw json.RawMessage) (string, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return "", false
	}
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw), true
	}
	return b.String(), true
}
