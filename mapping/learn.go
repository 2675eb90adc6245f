package mapping

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"balansd/balance"
)

// Filled is a dossier that a person filled in, with the figures of its social balance.
type Filled struct {
	Name            string
	Figures         balance.Values
	Period          []Value // custom properties of the period
	Reconciliations []Reconciliation
}

// Value is a custom property with its value as text.
type Value struct {
	Property
	Text string
}

// Reconciliation is a template in the annual-accounts workflow of a period.
type Reconciliation struct {
	ID      int64
	Handle  string
	Names   []string
	Starred bool
	Custom  []Value
	Results map[string]string // by name, as text
}

// Template is a template of the firm.
type Template struct {
	ID          int64
	Handle      string
	Names       []string
	Marketplace bool
	Readable    bool   // whether its text is known
	Text        string // Liquid, with its parts
}

// Confidence says how sure it is that a rubric belongs where it was found.
type Confidence string

// The confidences.
const (
	// Certain: its figures are there, they are those of no other rubric, and two
	// dossiers, the key's pattern or the template's text agree.
	Certain Confidence = "certain"
	// Likely: the key's pattern says so, or its figures, but not both so that nothing
	// else could be meant.
	Likely Confidence = "likely"
	// Ambiguous: several rubrics or properties fit. It is not part of the target,
	// unless the pattern of the keys covers it.
	Ambiguous Confidence = "ambiguous"
)

// Learnt is what was found, the most probable candidate first.
type Learnt struct {
	Dossiers   []string    `json:"dossiers"`
	Candidates []Candidate `json:"candidates"`
}

// Candidate is one place where a firm's template may have its social balance.
type Candidate struct {
	Target  Target         `json:"target"`
	Name    string         `json:"name,omitempty"` // of the template
	Rubrics []LearntRubric `json:"rubrics"`        // in the order of the form

	Certain   int      `json:"certain"` // how many rubrics
	Likely    int      `json:"likely"`
	Ambiguous int      `json:"ambiguous"`
	Telling   bool     `json:"telling"`            // its figures are enough to propose it
	NamedSo   bool     `json:"named_so"`           // it is called a social balance
	ReadBy    []string `json:"read_by,omitempty"`  // handles of the templates whose text names its properties
	ShownBy   []string `json:"shown_by,omitempty"` // handles of the templates whose results have its figures, from nowhere else
	Doubled   bool     `json:"doubled,omitempty"`  // several templates in the workflow have the handle
}

// LearntRubric is where the figure of one cell was found, and why.
type LearntRubric struct {
	Cell       balance.Cell `json:"cell"`
	Property   string       `json:"property,omitempty"` // namespace.key; empty when none is proposed
	Confidence Confidence   `json:"confidence"`

	Equal   int            `json:"equal"`                // dossiers with the same figure, other than zero
	Differs []string       `json:"differs,omitempty"`    // dossiers with another figure
	Pattern bool           `json:"pattern,omitempty"`    // the key is of the pattern
	InText  bool           `json:"in_text,omitempty"`    // a template's text names the property
	Named   bool           `json:"named,omitempty"`      // a template's text names the rubric beside the property
	Words   bool           `json:"words,omitempty"`      // the words of the key are those of the rubric
	Turned  bool           `json:"turned,omitempty"`     // the sign is the other one
	Cells   []balance.Cell `json:"same_as,omitempty"`    // other cells that fit as well
	Others  []string       `json:"also_at,omitempty"`    // other properties that fit as well
	Unseen  bool           `json:"unseen,omitempty"`     // no dossier has a figure other than zero there
	Absent  bool           `json:"absent,omitempty"`     // neither a dossier nor a text has the property
	Known   bool           `json:"in_balance,omitempty"` // a dossier's balance has a figure other than zero
}

// socialBalance are the names of a social balance in NL, FR, EN and DE, also as handles.
var socialBalance = regexp.MustCompile(`(?i)social[e]?[ _-]?balan[sc]|bilan[ _-]?social|sozial[ _-]?bilanz`)

// IsSocialBalance reports whether the reconciliation is called a social balance.
func (r Reconciliation) IsSocialBalance() bool { return namedSo(r.Handle, r.Names) }

// namedSo reports whether a template is called a social balance.
func namedSo(handle string, names []string) bool {
	return socialBalance.MatchString(handle) || slices.ContainsFunc(names, socialBalance.MatchString)
}

// Learn proposes where the templates of a firm have their social balance, from dossiers
// that were filled in by hand and the templates' texts.
func Learn(filled []Filled, templates []Template) Learnt {
	l := learner{filled: filled, references: map[string][]Reference{}, templates: templates}
	out := Learnt{Candidates: []Candidate{}, Dossiers: []string{}}
	for _, f := range filled {
		out.Dossiers = append(out.Dossiers, f.Name)
	}
	for _, t := range templates {
		if t.Readable {
			l.references[t.Handle] = append(l.references[t.Handle], References(t.Text)...)
		}
	}
	for _, s := range l.scopes() {
		out.Candidates = append(out.Candidates, l.candidates(s)...)
	}
	slices.SortStableFunc(out.Candidates, compareCandidates)
	return out
}

// compareCandidates puts those whose figures tell enough first; of those, the ones that
// are called a social balance, then the one with more rubrics.
func compareCandidates(a, b Candidate) int {
	return cmp.Or(compareBool(a.Telling, b.Telling), compareBool(a.NamedSo, b.NamedSo),
		cmp.Compare(b.Certain, a.Certain), cmp.Compare(b.Likely, a.Likely))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

type learner struct {
	filled     []Filled
	templates  []Template
	references map[string][]Reference // by handle
}

// scopes lists the places to look at: the period, and each handle.
func (l *learner) scopes() []*scope {
	period := make([][]Value, len(l.filled))
	var handles []string
	names := map[string][]string{}
	for _, t := range l.templates {
		names[t.Handle] = append(names[t.Handle], t.Names...)
	}
	for i, f := range l.filled {
		period[i] = f.Period
		for _, r := range f.Reconciliations {
			names[r.Handle] = append(names[r.Handle], r.Names...)
			if !slices.Contains(handles, r.Handle) && r.Handle != "" {
				handles = append(handles, r.Handle)
			}
		}
	}
	slices.Sort(handles)
	all := []*scope{newScope(LevelPeriod, "", nil, l.filled, period)}
	for handle, list := range l.references {
		for _, r := range list {
			if r.Level != LevelPeriod {
				continue
			}
			all[0].addReferences([]Reference{r})
			if namedSo(handle, names[handle]) {
				all[0].names = names[handle]
			}
		}
	}
	for _, handle := range handles {
		all = append(all, l.scopeOf(handle, names[handle]))
	}
	for _, s := range all {
		s.study()
	}
	return all
}

// scopeOf returns the scope of one handle.
func (l *learner) scopeOf(handle string, names []string) *scope {
	custom := make([][]Value, len(l.filled))
	anyStarred := false
	for i, f := range l.filled {
		var starred bool
		custom[i], starred = fullest(f.Reconciliations, handle)
		anyStarred = anyStarred || starred
	}
	s := newScope(LevelReconciliation, handle, names, l.filled, custom)
	s.starred = anyStarred
	for from, list := range l.references {
		for _, r := range list {
			if r.Level == LevelReconciliation && (r.Handle == handle || r.Handle == "" && from == handle) {
				s.addReferences([]Reference{r})
			}
		}
	}
	return s
}

// fullest returns the custom properties of the reconciliation with that handle that has
// most of them, and whether it must be told from another one by its star.
func fullest(all []Reconciliation, handle string) (custom []Value, starred bool) {
	var best *Reconciliation
	behind := false // one of the same handle, without a star, stands before it
	for i, r := range all {
		if r.Handle == handle && (best == nil || len(r.Custom) > len(best.Custom)) {
			behind = best != nil && !best.Starred
			best = &all[i]
		}
	}
	if best == nil {
		return nil, false
	}
	return best.Custom, behind && best.Starred
}

// candidates proposes targets in a scope: one for each pattern of keys that holds the
// figures, or one of single properties.
func (l *learner) candidates(s *scope) []Candidate {
	var all []Candidate
	for _, p := range s.patterns() {
		all = append(all, l.candidate(s, s.match(&p)))
	}
	if len(all) == 0 {
		if m := s.match(nil); len(m.rubrics) > 0 {
			all = append(all, l.candidate(s, m))
		}
	}
	return slices.DeleteFunc(all, func(c Candidate) bool { return c.Certain+c.Likely == 0 || !c.Telling && !c.NamedSo })
}

// candidate describes what was matched in a scope.
func (l *learner) candidate(s *scope, m matched) Candidate {
	c := Candidate{Target: m.target(s), Rubrics: m.rubrics, NamedSo: namedSo(s.handle, s.names)}
	c.Target.RequireStarred = s.starred
	if len(s.names) > 0 && s.level == LevelReconciliation {
		c.Name = s.names[0]
	}
	for _, f := range l.filled {
		n := 0
		for _, r := range f.Reconciliations {
			if r.Handle == s.handle {
				n++
			}
		}
		c.Doubled = c.Doubled || n > 1 && s.handle != ""
	}
	digits := 0
	for _, r := range m.rubrics {
		switch r.Confidence {
		case Certain:
			c.Certain++
		case Likely:
			c.Likely++
		case Ambiguous:
			c.Ambiguous++
		}
		digits += m.digits[r.Cell]
	}
	c.Telling = m.pattern != nil && m.pattern.figures || c.Certain >= 3 || c.Certain+c.Likely >= 5 && digits >= 15
	l.addUse(&c, m)
	return c
}

// addUse says which templates use the properties of a candidate.
func (l *learner) addUse(c *Candidate, m matched) {
	for handle, list := range l.references {
		named := 0
		for _, r := range m.rubrics {
			if r.Property == "" || r.Absent {
				continue
			}
			ns, key, _ := strings.Cut(r.Property, ".")
			if slices.ContainsFunc(list, func(f Reference) bool {
				own := f.Level == LevelPeriod || f.Handle == c.Target.Handle || f.Handle == "" && handle == c.Target.Handle
				return f.Level == c.Target.Level && own && f.Names(Property{ns, key})
			}) {
				named++
			}
		}
		if named >= 3 || named > 0 && named == len(m.rubrics) {
			c.ReadBy = append(c.ReadBy, handle)
		}
	}
	l.addShownBy(c)
	slices.Sort(c.ReadBy)
	slices.Sort(c.ShownBy)
}

// addShownBy says which templates have the figures of a candidate in their results, from
// nowhere else.
func (l *learner) addShownBy(c *Candidate) {
	for _, f := range l.filled {
		var elsewhere map[string]bool
		if c.Target.Level == LevelPeriod {
			elsewhere = c.Target.heldElsewhere(f)
		}
		for _, r := range f.Reconciliations {
			own := c.Target.Level == LevelPeriod || r.Handle == c.Target.Handle
			if own && !slices.Contains(c.ShownBy, r.Handle) && shownFigures(f, r, elsewhere) >= 3 {
				c.ShownBy = append(c.ShownBy, r.Handle)
			}
		}
	}
}

// shownFigures counts the telling figures of a balance among a template's results, but for
// those that it can have from elsewhere.
func shownFigures(f Filled, r Reconciliation, elsewhere map[string]bool) int {
	shown := map[string]bool{}
	for _, text := range r.Results {
		d, ok := readNumber(text, false)
		if !ok {
			d, ok = readNumber(text, true)
		}
		if !ok || digits(d) < 3 || elsewhere[balance.Canonical(d.Abs())] {
			continue
		}
		for c, figure := range f.Figures {
			if balance.RoundsTo(c, figure, d) {
				shown[balance.Canonical(d)] = true
			}
		}
	}
	return len(shown)
}

// SocialBalances lists the templates that are called a social balance: those in the
// dossiers' workflows, and those of the firm.
func SocialBalances(filled []Filled, templates []Template) []Template {
	var all []Template
	for _, f := range filled {
		for _, r := range f.Reconciliations {
			if namedSo(r.Handle, r.Names) {
				all = append(all, Template{ID: r.ID, Handle: r.Handle, Names: r.Names})
			}
		}
	}
	for _, t := range templates {
		if namedSo(t.Handle, t.Names) {
			all = append(all, t)
		}
	}
	return all
}
