package ledger

import (
	"slices"
	"time"

	"balansd/balance"
	"balansd/mapping"
)

// LearntMapping is a mapping that a person saved for a firm.
type LearntMapping struct {
	Target mapping.Target `json:"target"`
	At     time.Time      `json:"at"`
	By     string         `json:"by,omitempty"`
}

// target returns the learnt mapping, nil for none.
func (l *LearntMapping) target() *mapping.Target {
	if l == nil {
		return nil
	}
	return &l.Target
}

// Mapping returns the mapping that is in force for the firm, and who decided it.
func (f Firm) Mapping(configured mapping.Configured) (mapping.Target, mapping.Origin) {
	return configured.For(f.ID, f.Learnt.target())
}

// Evidence says what was seen of a template that uses a mapping.
type Evidence string

// The kinds of evidence.
const (
	InText    Evidence = "text"    // the template's text names the properties
	InCustom  Evidence = "custom"  // a person filled these properties in, in the template
	InResults Evidence = "results" // the template's results have the figures
)

// MappingUse is what is known of the use of a firm's mapping by its templates.
type MappingUse struct {
	Mapping string `json:"mapping"` // mapping.Target.Fingerprint: of another mapping nothing is known
	// LookedAt is when balansd last looked for a template by itself.
	LookedAt time.Time `json:"looked_at,omitzero"`
	// Handle and Name are of the template that was seen to use the mapping, as Evidence
	// says; empty while none was.
	Handle   string         `json:"handle,omitempty"`
	Name     string         `json:"name,omitempty"`
	Evidence Evidence       `json:"evidence,omitempty"`
	Cells    []balance.Cell `json:"cells,omitempty"` // whose properties were seen, in the order of the form
	SeenAt   time.Time      `json:"seen_at,omitzero"`
}

// UseOf returns what is known of a mapping's use in the firm; nil for nothing.
func (f Firm) UseOf(t mapping.Target) *MappingUse {
	if f.Use == nil || f.Use.Mapping != t.Fingerprint() {
		return nil
	}
	return f.Use
}

// Template names the template that uses the mapping; empty for none.
func (u *MappingUse) Template() string {
	if u == nil || u.Handle == "" {
		return ""
	}
	return TemplateName{u.Handle, u.Name}.String()
}

// String says which template uses the mapping, or that none was seen to.
func (u *MappingUse) String() string {
	if u == nil || u.Handle == "" {
		return "kept in period data; no template has been seen to use it"
	}
	return "shown by template " + u.Template()
}

// UnionOfCells returns the cells of both, in the order of the form.
func UnionOfCells(a, b []balance.Cell) []balance.Cell {
	all := slices.Concat(a, b)
	slices.SortFunc(all, balance.CompareCells)
	return slices.Compact(all)
}

// Uses reports whether the property of a cell was seen in a template.
func (u *MappingUse) Uses(c balance.Cell) bool {
	return u != nil && u.Handle != "" && slices.Contains(u.Cells, c)
}
