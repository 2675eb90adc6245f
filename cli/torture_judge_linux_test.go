package cli

import (
	fakesilverfin "balansd/sandbox/silverfin"
)

// mostNights is the number of nights without faults after which everything must have
// arrived: entries are skipped for some nights after failures, and everything is listed
// once a week. leastNights is the minimum if a person has to decide, as it is then not
// known whether everything arrived. It is longer than entries are skipped.
const leastNights, mostNights = 6, 15

// settle runs nights until everything has arrived, and checks the result.
func (x *torture) settle() {
	x.t.Helper()
	if x.forgetful {
		x.linkBoth() // a person was told to
	}
	nights := 0
	for ; nights < leastNights || nights < mostNights && x.lost() > 0; nights++ {
		x.wantNight()
	}
	if lost := x.lost(); lost > 0 {
		x.total.add("LOST", lost)
		x.t.Errorf("seed %d: %d figures did not arrive in %d nights", x.seed, lost, nights)
	}
	// Once everything has arrived, nothing is written any more.
	writes := len(x.sandbox.Silverfin.Writes())
	x.wantNight()
	if n := len(x.sandbox.Silverfin.Writes()) - writes; n > 0 {
		x.total.add("WRITTEN FOR NOTHING", n)
		x.t.Errorf("seed %d: %d figures were written once all had arrived", x.seed, n)
	}
	// A date has no second nightly run.
	calls := x.calls()
	if out := x.night(0); out.Code != "" || x.calls() != calls {
		x.t.Errorf("seed %d: a second night on one date made %d calls: %s", x.seed, x.calls()-calls, out.Error)
	}
	x.judgeWrites()
}

func (x *torture) calls() int64 {
	return x.sandbox.Finbox.Faults().Total() + x.sandbox.Silverfin.Faults().Total()
}

// lost counts the figures of the newest revisions, and the figures that people typed, that
// are not in Silverfin. If a person has to decide, the figure of any revision, or none, is
// accepted.
func (x *torture) lost() (figures int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.clients {
		held := x.sandbox.Silverfin.Custom(v.company, v.period)
		undecided := len(v.typed) > 0 || x.forgetful && len(v.revisions) > 1
		for name, want := range v.revisions[len(v.revisions)-1] {
			got, there := held[name]
			switch typed, by := v.typed[name]; {
			case by:
				want = typed
			case undecided && (!there || v.revisionOf(name, got, 0) >= 0):
				continue
			}
			if got != want {
				figures++
			}
		}
		for name := range held {
			if _, ours := v.revisions[0][name]; !ours && v.revisionOf(name, held[name], 0) < 0 {
				figures++ // it is neither of a revision nor typed
			}
		}
	}
	return figures
}

// revisionOf returns the oldest revision, not before from, that has the figure; -1 if
// there is none.
func (v *victim) revisionOf(name, figure string, from int) int {
	for i := from; i < len(v.revisions); i++ {
		if f, ok := v.revisions[i][name]; ok && f == figure {
			return i
		}
	}
	return -1
}

// judgeWrites checks each write that Silverfin received.
func (x *torture) judgeWrites() {
	x.t.Helper()
	type property struct {
		company, period int64
		name            string
	}
	of := map[int64]*victim{}
	for _, v := range x.clients {
		of[v.company] = v
	}
	person, newest := map[property]bool{}, map[property]int{}
	bad := func(what string, w fakesilverfin.Write) {
		x.total.add(what, 1)
		x.t.Errorf("seed %d: %s: %s.%s of company %d, %q by %q", x.seed, what, w.Namespace, w.Key, w.Company, w.Old, w.New)
	}
	for _, w := range x.sandbox.Silverfin.Writes() {
		at := property{w.Company, w.Period, w.Namespace + "." + w.Key}
		if w.By == fakesilverfin.Person {
			person[at] = true
			continue
		}
		x.total.add("figures written", 1)
		v := of[w.Company]
		ours := v != nil && v.period == w.Period && w.Reconciliation == 0
		last, again := newest[at]
		revision := -1
		if ours {
			revision = v.revisionOf(at.name, w.New, last)
		}
		switch {
		case w.Removed:
			bad("DELETED", w)
		case person[at] && w.Changed():
			bad("OVERWRITTEN", w)
		case !ours || v.revisionOf(at.name, w.New, 0) < 0:
			bad("WRITTEN WHERE IT DOES NOT BELONG", w)
		case revision < 0:
			bad("DOUBLED", w) // an older figure after a newer one
		case again && !w.Changed():
			x.total.add("figures written again, the same", 1)
		}
		newest[at] = max(newest[at], revision)
	}
}
