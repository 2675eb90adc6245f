package silverfin

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// A template computes its results in its code. Only this much of it is simulated: a tag
// {% result 'NAME' A+B %}, where each term is custom.NAMESPACE.KEY of the
// reconciliation itself, or period.custom.NAMESPACE.KEY.
var (
	resultTag  = regexp.MustCompile(`\{%-?\s*result\s+'([^']+)'\s+([^%]+?)\s*-?%\}`)
	customTerm = regexp.MustCompile(`^(period\.)?custom\.([^.\s]+)\.(\S+)$`)
)

func (s *Silverfin) getResults(c *call) response {
	t, missing := s.target(c)
	if missing != "" {
		return notFound(missing)
	}
	return response{http.StatusOK, s.shownResults(&t)}
}

// shownResults returns the results that the API shows of a reconciliation: those of
// now or, while they lag, what it showed before.
func (s *Silverfin) shownResults(t *target) map[string]any {
	firm := s.index.firms[t.company.FirmID]
	now := s.results(t)
	if firm.ResultLag == 0 {
		return now
	}
	f := t.period.filled(t.reconciliation.ID)
	switch {
	case f.Results == nil:
		f.Results = now
	case reflect.DeepEqual(f.Results, now):
		f.Seen = 0
	case f.Seen >= firm.ResultLag:
		f.Results, f.Seen = now, 0
	default:
		f.Seen++
	}
	return f.Results
}

// results computes the results of a reconciliation. A template without a result tag
// returns each of its properties under its key, numbers and truth values as such.
func (s *Silverfin) results(t *target) map[string]any {
	custom := t.custom()
	out := map[string]any{"status": "unreconciled", "note": nil}
	if len(custom) > 0 {
		out["status"] = "reconciled"
	}
	text := ""
	if template := s.index.firms[t.company.FirmID].template(t.reconciliation.Template); template != nil {
		text, _ = template.Attributes["text"].(string)
	}
	tags := resultTag.FindAllStringSubmatch(text, -1)
	for _, tag := range tags {
		sum := decimal.Zero
		for term := range strings.SplitSeq(tag[2], "+") {
			sum = sum.Add(s.termOf(t, strings.TrimSpace(term)))
		}
		out[tag[1]] = sum.InexactFloat64()
	}
	if tags != nil {
		return out
	}
	for n, value := range custom {
		text := plain(value)
		var result any = text
		if f, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
			result = f
		} else if b, err := strconv.ParseBool(text); err == nil {
			result = b
		}
		out[s.state.Properties[n].Key] = result
	}
	return out
}

// termOf returns the number that a property holds, with a point or a comma; 0 where it
// holds none.
func (s *Silverfin) termOf(t *target, term string) decimal.Decimal {
	m := customTerm.FindStringSubmatch(term)
	if m == nil {
		return decimal.Zero
	}
	custom := t.custom()
	if m[1] != "" {
		custom = t.period.Custom
	}
	n, known := s.index.properties[Property{m[2], m[3]}]
	if !known {
		return decimal.Zero
	}
	d, err := balance.ParseDecimal(strings.Replace(plain(custom[n]), ",", ".", 1))
	if err != nil {
		return decimal.Zero
	}
	return d
}
