package silverfin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// maxProperties is how many properties go in one call. Silverfin documents no
// limit; 100 is well within what such calls take.
const maxProperties = 100

// propertyJSON is one custom property on the wire.
type propertyJSON struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
	Value     string `json:"value"`
}

// Read gives the figures that the place holds, of the cells that the mapping
// knows. A value that is no text, such as a collection, comes as its JSON, so
// that it counts as something that a person put there.
func (f *Firm) Read(ctx context.Context, p ledger.Place) (ledger.Figures, error) {
	c, err := f.custom(p, http.MethodGet)
	if err != nil {
		return nil, err
	}
	figures := ledger.Figures{}
	err = f.list(ctx, c, false, func(items []json.RawMessage) (bool, error) {
		for _, item := range items {
			var held struct {
				Namespace string          `json:"namespace"`
				Key       string          `json:"key"`
				Value     json.RawMessage `json:"value"`
			}
			if err := f.decode(c, item, &held); err != nil {
				return false, err
			}
			cell, ours := f.client.cfg.Target.cell(property{held.Namespace, held.Key})
			if text, ok := valueText(held.Value); ours && ok {
				figures[cell] = text
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return figures, nil
}

// Write stores figures in the place, in the order of the form, 100 a call.
// After an error any part of them may have been stored. It never deletes: an
// empty figure is refused before anything is sent, for Silverfin destroys a
// property whose value is null.
func (f *Firm) Write(ctx context.Context, p ledger.Place, figures ledger.Figures) error {
	c, err := f.custom(p, http.MethodPost)
	if err != nil {
		return err
	}
	cells := slices.SortedFunc(maps.Keys(figures), balance.CompareCells)
	properties := make([]propertyJSON, 0, len(cells))
	for _, cell := range cells {
		to, ok := f.client.cfg.Target.property(cell)
		if !ok {
			return problem.New(problem.ConfigInvalid, fmt.Sprintf("the mapping to Silverfin has no place for rubric %s", cell),
				"Add the rubric to the mapping, or set a key pattern for all rubrics.")
		}
		if strings.TrimSpace(figures[cell]) == "" {
			return problem.New(problem.Unexpected, fmt.Sprintf("rubric %s would be emptied in Silverfin, which balansd never does", cell), "")
		}
		properties = append(properties, propertyJSON{to.namespace, to.key, figures[cell]})
	}
	for chunk := range slices.Chunk(properties, maxProperties) {
		c.body = map[string][]propertyJSON{"properties": chunk}
		if len(chunk) == 1 && p.ReconciliationID != 0 {
			c.body = chunk[0] // the form for one property, which a period does not take
		}
		c.figures = c.figures[:0]
		for _, one := range chunk {
			c.figures = append(c.figures, one.Value)
		}
		if _, err := f.do(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// valueText gives a JSON value as text: texts as they are, numbers and yes or
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
