package silverfin

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Namespace is where Silverfin advises integrations to put the figures of a
// social balance: custom properties of the period.
const Namespace = "social_balance_integration"

// Person is the author, in Writes, of values that were typed by hand.
const Person = "person"

// A Write is one change of one custom property, or one attempt that left it as
// it was. Values are plain text, or JSON where Silverfin holds an object.
type Write struct {
	At             time.Time `json:"at"` // UTC
	Firm           int64     `json:"firm"`
	Company        int64     `json:"company"`
	Period         int64     `json:"period,omitempty"`         // 0 for custom of the company
	Reconciliation int64     `json:"reconciliation,omitempty"` // 0 for custom of the period
	Namespace      string    `json:"namespace"`
	Key            string    `json:"key"`
	Old            string    `json:"old"`
	Existed        bool      `json:"existed"` // Old was there, if only as empty text
	New            string    `json:"new"`
	Removed        bool      `json:"removed,omitempty"` // the property was destroyed
	By             string    `json:"by"`                // Person, or "app CLIENT_ID token N"
}

// Changed reports whether the write made a difference.
func (w Write) Changed() bool {
	return w.Removed && w.Existed || !w.Removed && (!w.Existed || w.Old != w.New)
}

// Writes lists every write of a custom property since the start, oldest
// first, so that a test can prove that nothing was overwritten, and nothing
// written twice with different values.
func (s *Silverfin) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Write, len(s.state.Writes))
	for i, w := range s.state.Writes {
		p := s.state.Properties[w.Property]
		out[i] = Write{
			At: time.Unix(0, w.At).UTC(), Company: w.Company, Period: w.Period, Reconciliation: w.Reconciliation,
			Namespace: p.Namespace, Key: p.Key, Old: plain(w.Old), Existed: w.Old != "",
			New: plain(w.New), Removed: w.New == "", By: s.state.Writers[w.Writer],
		}
		if c := s.state.Companies[w.Company]; c != nil {
			out[i].Firm = c.FirmID
		}
	}
	return out
}

// Set types a value into a period by hand, as a person does. A locked period
// refuses it.
func (s *Silverfin) Set(companyID, periodID int64, namespace, key, value string) error {
	return s.SetIn(companyID, periodID, 0, namespace, key, value)
}

// SetIn types a value into a reconciliation of a period by hand; 0 means the
// period itself.
func (s *Silverfin) SetIn(companyID, periodID, reconciliationID int64, namespace, key, value string) error {
	return s.byHand(companyID, periodID, reconciliationID, func(t *target) {
		s.put(t, Person, s.property(namespace, key), jsonText(value))
	})
}

// Unset empties a value by hand.
func (s *Silverfin) Unset(companyID, periodID int64, namespace, key string) error {
	return s.byHand(companyID, periodID, 0, func(t *target) {
		s.put(t, Person, s.property(namespace, key), "")
	})
}

func (s *Silverfin) byHand(companyID, periodID, reconciliationID int64, do func(*target)) error {
	return s.withPeriod(companyID, periodID, func(c *company, p *period) error {
		if p.Locked {
			return lockedError(p.ID)
		}
		t := &target{company: c, period: p}
		if reconciliationID != 0 {
			if t.reconciliation = c.reconciliation(reconciliationID); t.reconciliation == nil {
				return noSuch("reconciliation", reconciliationID)
			}
		}
		do(t)
		return nil
	})
}

// Custom returns the custom properties of a period as "namespace.key" to value.
// It is empty when there is no such period.
func (s *Silverfin) Custom(companyID, periodID int64) map[string]string {
	return s.CustomIn(companyID, periodID, 0)
}

// CustomIn returns the custom properties of a reconciliation in a period; 0
// means the period itself.
func (s *Silverfin) CustomIn(companyID, periodID, reconciliationID int64) map[string]string {
	out := map[string]string{}
	_ = s.withPeriod(companyID, periodID, func(c *company, p *period) error {
		t := target{company: c, period: p}
		if reconciliationID != 0 {
			if t.reconciliation = c.reconciliation(reconciliationID); t.reconciliation == nil {
				return nil
			}
		}
		for n, v := range t.custom() {
			out[s.state.Properties[n].Namespace+"."+s.state.Properties[n].Key] = plain(v)
		}
		return nil
	})
	return out
}

// A target is what holds custom properties: a company, a period of it, or
// a reconciliation in that period.
type target struct {
	company        *company
	period         *period         // nil for the company
	reconciliation *reconciliation // nil for the company or the period
}

// custom returns what is held; it may be nil and must not be changed.
func (t *target) custom() customValues {
	switch {
	case t.reconciliation != nil:
		if f := t.period.Reconciliations[t.reconciliation.ID]; f != nil {
			return f.Custom
		}
		return nil
	case t.period != nil:
		return t.period.Custom
	}
	return t.company.Custom
}

// filled returns the state of a reconciliation in a period, made if need be.
func (p *period) filled(reconciliation int64) *filledReconciliation {
	f := p.Reconciliations[reconciliation]
	if f == nil {
		f = &filledReconciliation{}
		if p.Reconciliations == nil {
			p.Reconciliations = map[int64]*filledReconciliation{}
		}
		p.Reconciliations[reconciliation] = f
	}
	return f
}

// put sets or, with an empty value, destroys one property and writes it down.
func (s *Silverfin) put(t *target, by string, property int, value string) {
	w := writeRecord{
		At: s.now().UnixNano(), Company: t.company.ID, Property: property, Writer: s.writer(by),
		Old: t.custom()[property], New: value,
	}
	holder := &t.company.Custom
	if t.period != nil {
		w.Period, holder = t.period.ID, &t.period.Custom
	}
	if t.reconciliation != nil {
		w.Reconciliation = t.reconciliation.ID
		holder = &t.period.filled(t.reconciliation.ID).Custom
	}
	s.state.Writes = append(s.state.Writes, w)
	if value == "" {
		delete(*holder, property)
		return
	}
	if *holder == nil {
		*holder = customValues{}
	}
	(*holder)[property] = value
}

// sorted lists the numbers of the properties by namespace and key, so that
// paging is stable.
func (s *Silverfin) sorted(c customValues) []int {
	keys := slices.Collect(maps.Keys(c))
	slices.SortFunc(keys, func(a, b int) int {
		return compareProperties(s.state.Properties[a], s.state.Properties[b])
	})
	return keys
}

func compareProperties(a, b Property) int {
	return slices.Compare([]string{a.Namespace, a.Key}, []string{b.Namespace, b.Key})
}

// jsonText writes text as a JSON string.
func jsonText(text string) string {
	b, _ := json.Marshal(text) // a string always has a JSON form
	return string(b)
}
