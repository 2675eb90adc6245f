package mapping

import (
	"slices"
	"strings"

	"balansd/balance"
)

// enoughForUse is how many properties or figures of a mapping make a use of it. A mapping
// with fewer cells is used when all of them are.
const enoughForUse = 3

// Use is a template that uses a mapping, by its properties.
type Use struct {
	Handle string         `json:"handle"`
	Name   string         `json:"name,omitempty"`
	Cells  []balance.Cell `json:"cells"` // whose properties were seen, in the order of the form
}

// MappedCells lists the cells of the form that have a property, and those that have none
// though nobody left them out.
func (t Target) MappedCells() (mapped, missing []balance.Cell) {
	for _, c := range balance.FormCells() {
		if _, ok := t.Property(c); ok {
			mapped = append(mapped, c)
		} else if t.Map[c.String()] != LeftOut {
			missing = append(missing, c)
		}
	}
	return mapped, missing
}

// enough reports whether cells are enough for a use of the mapping.
func (t Target) enough(cells []balance.Cell) bool {
	mapped, _ := t.MappedCells()
	return len(cells) >= min(enoughForUse, max(len(mapped), 1))
}

// InTexts returns the template whose text names most of the mapping's properties; false when
// none names enough of them.
func (t Target) InTexts(templates []Template) (best Use, ok bool) {
	mapped, _ := t.MappedCells()
	for _, one := range templates {
		references := t.references(one)
		use := Use{Handle: one.Handle, Name: NameOf(one.Handle, one.Names)}
		for _, c := range mapped {
			p, _ := t.Property(c)
			if slices.ContainsFunc(references, func(r Reference) bool { return r.Names(p) }) {
				use.Cells = append(use.Cells, c)
			}
		}
		if t.enough(use.Cells) && len(use.Cells) > len(best.Cells) {
			best, ok = use, true
		}
	}
	return best, ok
}

// references lists the properties that a template's text names at the place of the mapping.
func (t Target) references(one Template) []Reference {
	return slices.DeleteFunc(References(one.Text), func(r Reference) bool {
		return r.Level != t.Level || t.Level == LevelReconciliation && r.Handle != t.Handle && (r.Handle != "" || one.Handle != t.Handle)
	})
}

// InCustom returns the template that a person filled in at the mapping's own properties;
// false when none was. ours reports whether balansd may have written a property itself.
func (t Target) InCustom(f Filled, ours func(Property) bool) (Use, bool) {
	for _, r := range f.Reconciliations {
		if t.Level != LevelReconciliation || r.Handle != t.Handle {
			continue
		}
		use := Use{Handle: r.Handle, Name: NameOf(r.Handle, r.Names)}
		for _, v := range r.Custom {
			if c, ok := t.Cell(v.Property); ok && v.Text != "" && !ours(v.Property) {
				use.Cells = append(use.Cells, c)
			}
		}
		slices.SortFunc(use.Cells, balance.CompareCells)
		if t.enough(use.Cells) {
			return use, true
		}
	}
	return Use{}, false
}

// InResults returns the template whose results have figures of the balance that it can only
// have from the mapping's properties: no other property holds them. False when none has
// enough. Amounts alone are not enough, since a template can have them from the accounts.
func (t Target) InResults(f Filled) (best Use, ok bool) {
	elsewhere := t.heldElsewhere(f)
	for _, r := range f.Reconciliations {
		if t.Level == LevelReconciliation && r.Handle != t.Handle {
			continue
		}
		use := Use{Handle: r.Handle, Name: NameOf(r.Handle, r.Names), Cells: t.resultCells(f, r, elsewhere)}
		counted := slices.ContainsFunc(use.Cells, func(c balance.Cell) bool {
			rubric, known := balance.RubricOf(c.Code)
			return known && rubric.Unit != balance.Money
		})
		if counted && t.enough(use.Cells) && len(use.Cells) > len(best.Cells) {
			best, ok = use, true
		}
	}
	return best, ok
}

// heldElsewhere returns the numbers, without their sign, that other properties than those of
// the mapping hold.
func (t Target) heldElsewhere(f Filled) map[string]bool {
	held := map[string]bool{}
	add := func(values []Value, here bool) {
		for _, v := range values {
			if _, mapped := t.Cell(v.Property); here && mapped {
				continue
			}
			for _, d := range balance.Readings(v.Text) {
				held[balance.Canonical(d.Abs())] = true
			}
		}
	}
	add(f.Period, t.Level == LevelPeriod)
	for _, r := range f.Reconciliations {
		add(r.Custom, t.Level == LevelReconciliation && r.Handle == t.Handle)
	}
	return held
}

// resultCells lists the mapped cells whose figures are among a template's results, and
// nowhere else.
func (t Target) resultCells(f Filled, r Reconciliation, elsewhere map[string]bool) (cells []balance.Cell) {
	for _, text := range r.Results {
		d, is := readNumber(text, false)
		if !is || digits(d) < 3 || elsewhere[balance.Canonical(d.Abs())] {
			continue
		}
		for c, figure := range f.Figures {
			if _, mapped := t.Property(c); mapped && figure.Abs().Equal(d.Abs()) {
				cells = append(cells, c)
			}
		}
	}
	slices.SortFunc(cells, balance.CompareCells)
	return slices.Compact(cells)
}

// UnknownKeys lists the properties at the place of the mapping that no rubric goes to, and
// that templates name or a dossier has filled in; at most limit of them. In the data of the
// period they are those in the mapping's namespaces, since others have theirs there too, and
// what a template that is called a social balance names.
func (t Target) UnknownKeys(templates []Template, f Filled, limit int) []Property {
	namespaces := map[string]bool{}
	mapped, _ := t.MappedCells()
	for _, c := range mapped {
		p, _ := t.Property(c)
		namespaces[p.Namespace] = true
	}
	var all []Property
	add := func(p Property) {
		pattern := strings.Contains(p.Key, codeMark)
		if _, ok := t.Cell(p); !ok && p.Key != "" && !(pattern && namespaces[p.Namespace]) && !slices.Contains(all, p) && len(all) < limit {
			all = append(all, p)
		}
	}
	for _, one := range templates {
		for _, r := range t.references(one) {
			if namespaces[r.Namespace] || t.Level == LevelReconciliation || namedSo(one.Handle, one.Names) {
				add(Property{r.Namespace, r.Key})
			}
		}
	}
	for _, v := range t.filledIn(f, namespaces) {
		add(v.Property)
	}
	return all
}

// filledIn lists what a dossier holds at the place of the mapping; of the data of the period
// what is in some namespaces.
func (t Target) filledIn(f Filled, namespaces map[string]bool) (all []Value) {
	if t.Level == LevelPeriod {
		return slices.DeleteFunc(slices.Clone(f.Period), func(v Value) bool { return !namespaces[v.Namespace] })
	}
	for _, r := range f.Reconciliations {
		if r.Handle == t.Handle {
			all = append(all, r.Custom...)
		}
	}
	return all
}

// NameOf returns the first name of a template that is not its handle, else its first name.
func NameOf(handle string, names []string) string {
	if i := slices.IndexFunc(names, func(n string) bool { return n != handle }); i >= 0 {
		return names[i]
	}
	return strings.Join(names[:min(1, len(names))], "")
}
