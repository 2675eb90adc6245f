package daemon

import (
	"context"
	"testing"

	"balansd/problem"

	"pgregory.net/rapid"
)

// Whatever begins and ends in whatever order: one whole run at a time, any number over
// chosen dossiers beside it, and nothing beside what excludes runs. What was refused
// leaves nothing behind.
func TestAdmission(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a activeRuns
		now, cancel := context.WithCancel(context.Background())
		cancel() // nothing waits: what cannot begin at once is refused
		var whole, excluded func()
		var chosen []func()
		begin := func(over bool) (func(), error) {
			release, err := a.admit(now, over, false)
			if err != nil {
				return nil, err
			}
			r := &run{}
			if over {
				r.req.Dossier = "d"
			}
			remove := a.add(r)
			return func() { remove(); release() }, nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"whole": func(t *rapid.T) {
				release, err := begin(false)
				if free := whole == nil && excluded == nil; free != (err == nil) || !free && !problem.Is(err, problem.Busy) {
					t.Fatalf("a whole run begins with %v", err)
				}
				if err == nil {
					whole = release
				}
			},
			"chosen": func(t *rapid.T) {
				release, err := begin(true)
				if free := excluded == nil; free != (err == nil) || !free && !problem.Is(err, problem.Stopped) {
					t.Fatalf("a run over a chosen dossier begins with %v", err)
				}
				if err == nil {
					chosen = append(chosen, release)
				}
			},
			"exclude": func(t *rapid.T) {
				var release func()
				var err error
				if rapid.Bool().Draw(t, "wait") {
					release, err = a.exclude(now, "nothing begins")
				} else {
					release, err = a.tryExclude()
				}
				if free := whole == nil && excluded == nil && len(chosen) == 0; free != (err == nil) {
					t.Fatalf("runs are excluded with %v", err)
				}
				if err == nil {
					excluded = release
				}
			},
			"end": func(*rapid.T) {
				for _, one := range []*func(){&whole, &excluded} {
					if *one != nil && rapid.Bool().Draw(t, "end") {
						(*one)()
						*one = nil
					}
				}
				if len(chosen) > 0 && rapid.Bool().Draw(t, "end of a chosen one") {
					chosen[0]()
					chosen = chosen[1:]
				}
			},
			"": func(t *rapid.T) {
				n := len(chosen)
				if whole != nil {
					n++
				}
				if got := len(a.all()); got != n {
					t.Fatalf("%d runs are under way, want %d", got, n)
				}
				if len(chosen) == 0 {
					if err := a.yield(context.Background()); err != nil { // at once
						t.Fatal(err)
					}
				} else if a.yield(now) == nil {
					t.Fatal("a whole run goes on before a person's")
				}
			},
		})
	})
}
