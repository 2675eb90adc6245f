package mapping_test

import (
	"slices"
	"testing"

	"balansd/mapping"
)

// TestLearnGenerated learns 200 made-up templates from one to three dossiers each. What
// it calls certain is right, and it finds most of what was filled in.
func TestLearnGenerated(t *testing.T) {
	type count struct{ known, certain, wrong, likely, likelyWrong, templates, place, format int }
	var all count
	byDossiers, byStyle := map[int]*count{}, map[string]*count{}
	for seed := range uint64(200) {
		g := generate(seed)
		learnt := mapping.Learn(g.filled, g.templates)
		var one count
		one.templates = 1
		for i, c := range learnt.Candidates {
			right := c.Target.Level == g.target.Level && c.Target.Handle == g.target.Handle
			if i == 0 && right {
				one.place = 1
			}
			if err := c.Target.Validate(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			for _, r := range c.Rubrics {
				copied, isCopy := g.copies[r.Property]
				ok := right && g.truth[r.Cell] == r.Property || isCopy && copied == r.Cell
				switch {
				case r.Confidence == mapping.Certain && !ok:
					one.wrong++
					t.Errorf("seed %d (%s, %d dossiers): %s is certain at %s, and belongs to %s: %+v", seed, g.style, len(g.filled), r.Cell, r.Property, g.truth[r.Cell], r)
				case r.Confidence == mapping.Certain && i == 0 && g.typed[r.Cell]:
					one.certain++
				case r.Confidence == mapping.Likely && i == 0 && g.typed[r.Cell] && ok:
					one.likely++
				case r.Confidence == mapping.Likely && i == 0 && r.Equal > 0 && !ok:
					one.likelyWrong++
				}
			}
			if i == 0 && c.Target.Values.Decimal == g.target.Values.Decimal && c.Target.Values.Amounts == g.target.Values.Amounts {
				one.format = 1
			}
		}
		one.known = len(g.typed)
		for _, c := range []*count{&all, counted(byDossiers, len(g.filled)), counted(byStyle, g.style)} {
			c.known += one.known
			c.certain += one.certain
			c.wrong += one.wrong
			c.likely += one.likely
			c.likelyWrong += one.likelyWrong
			c.templates += one.templates
			c.place += one.place
			c.format += one.format
		}
	}
	show := func(name any, c count) {
		t.Logf("%-8v %3d templates, %3d in the right place first, %3d with the right notation; of %5d figures %.3f certain, %.3f certain or likely; precision of certain %.4f, of likely %.4f",
			name, c.templates, c.place, c.format, c.known, ratio(c.certain, c.known), ratio(c.certain+c.likely, c.known),
			ratio(c.certain, c.certain+c.wrong), ratio(c.likely, c.likely+c.likelyWrong))
	}
	for _, n := range []int{1, 2, 3} {
		show(n, *byDossiers[n])
	}
	for _, style := range slices.Compact(slices.Sorted(slices.Values(generatedStyles))) {
		show(style, *byStyle[style])
	}
	show("all", all)
	if all.wrong > 0 {
		t.Errorf("%d rubrics are called certain and are wrong", all.wrong)
	}
	if all.place < 198 || all.format < 195 {
		t.Errorf("%d templates are proposed first, %d with the right notation", all.place, all.format)
	}
	if code := byStyle["code"]; ratio(code.certain+code.likely, code.known) < 0.99 || ratio(all.certain+all.likely, all.known) < 0.84 || ratio(all.certain, all.known) < 0.48 {
		t.Error("too few figures are found")
	}
	if ratio(all.likely, all.likely+all.likelyWrong) < 0.99 {
		t.Error("too many that are called likely are wrong")
	}
}

func counted[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }
