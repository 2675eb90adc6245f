package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/sandbox/faults"
	"balansd/sandbox/madeup"
)

// memory carries requests to handlers without a network, so that time can be
// faked.
type memory map[string]http.Handler

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	h, ok := m[r.URL.Host]
	if !ok {
		return nil, errors.New("no such host")
	}
	rec, in := httptest.NewRecorder(), r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	cut := func() (cut bool) {
		defer func() { cut = recover() != nil }() // so a fault closes the connection
		h.ServeHTTP(rec, in)
		return false
	}()
	if cut {
		return nil, io.ErrUnexpectedEOF
	}
	return rec.Result(), nil
}

// newMemoryFixture is a fixture without a network, for a bubble of fake time.
func newMemoryFixture(t *testing.T) *fixture {
	t.Helper()
	return newMemoryFixtureBehind(t, func(h http.Handler) http.Handler { return h })
}

// newMemoryFixtureBehind is newMemoryFixture with something before Silverfin.
func newMemoryFixtureBehind(t *testing.T, front func(http.Handler) http.Handler) *fixture {
	t.Helper()
	m := memory{}
	return newFixtureOn(t, m, func(name string, h http.Handler) string {
		if name == "silverfin" {
			h = front(h)
		}
		m[name+".test"] = h
		return "https://" + name + ".test"
	})
}

// isWrite reports whether a call would store figures.
func isWrite(x faults.Call) bool {
	return x.Method == http.MethodPost && strings.HasSuffix(x.Path, "/custom")
}

// anyCustom is the path of all custom properties of periods.
const anyCustom = "/api/v4/f/*/companies/*/periods/*/custom"

// instants has a person type into a client's figure before the n-th call of a
// run, once for each n, and wants it to stand in the end. The one instant that
// cannot be held is that between the look that allows a write and that write,
// when no time runs.
type instants struct {
	*fixture
	prepare func(client)
	fault   faults.Fault // ordered for each run; none without a kind
	figure  func(n int) balance.Cell

	typed   int
	writes  int // that went through
	looked  map[string]time.Time
	longest time.Duration // from a look to the write that it allowed
}

func (i *instants) run() (calls int) {
	i.looked = map[string]time.Time{}
	for n := 1; ; n++ {
		c := i.client(n)
		i.prepare(c)
		if i.fault.Kind != "" {
			i.sf.Faults().Add(i.fault)
		}
		cell, seen, typed := i.figure(n), 0, false
		i.sf.Faults().BeforeCall(func(x faults.Call) {
			seen++
			i.watch(x)
			switch {
			case seen != n || isWrite(x) && x.Fault == "":
			default:
				typed = true
				i.typed++
				i.must(i.sf.Set(c.company, c.period, namespace, "code_"+cell.String(), "99.9"))
			}
		})
		i.sync()
		i.sf.Faults().BeforeCall(nil)
		i.sf.Faults().Clear()
		i.sync() // nothing is open when the next one comes
		if got := i.sf.Custom(c.company, c.period)[namespace+".code_"+cell.String()]; typed && got != "99.9" {
			i.t.Errorf("a person typed before call %d, and Silverfin holds %s", n, got)
		}
		if seen < n {
			return n - 1
		}
	}
}

// watch measures how long ago a target was looked at when a write to it goes out.
func (i *instants) watch(x faults.Call) {
	switch {
	case isWrite(x) && x.Fault == "":
		i.writes++
		i.longest = max(i.longest, time.Since(i.looked[x.Path]))
	case strings.HasSuffix(x.Path, "/custom"):
		i.looked[x.Path] = time.Now()
	}
}

func TestAPersonTypesAtEveryInstant(t *testing.T) {
	cells := slices.SortedFunc(maps.Keys(madeup.Balance(1, balance.Abbreviated, 2025).Values), balance.CompareCells)
	start := map[string]func(*instants){
		"a new balance": func(i *instants) {
			i.prepare = func(c client) { i.add(c, i.balance(c, 1)) }
		},
		"a new balance beside many other figures": func(i *instants) {
			i.prepare = func(c client) {
				for k := range 230 {
					i.must(i.sf.Set(c.company, c.period, "zz_other", fmt.Sprintf("k%03d", k), "x"))
				}
				i.add(c, i.balance(c, 1))
			}
		},
		"a full balance": func(i *instants) {
			i.prepare = func(c client) {
				b := madeup.Balance(1, balance.Full, 2025)
				b.EnterpriseNumber = c.number
				i.add(c, b)
			}
			all := slices.SortedFunc(maps.Keys(madeup.Balance(1, balance.Full, 2025).Values), balance.CompareCells)
			i.figure = func(n int) balance.Cell { return all[len(all)-n] } // those that go out last
		},
		"a correction": func(i *instants) {
			i.prepare = func(c client) {
				id := i.add(c, i.balance(c, 1))
				i.sync()
				i.correct(id, i.balance(c, 2))
			}
		},
		"a correction on two pages": func(i *instants) {
			i.prepare = func(c client) {
				for k := range 170 { // before and behind the figures
					i.must(i.sf.Set(c.company, c.period, []string{"aa_other", "zz_other"}[k%2], fmt.Sprintf("k%03d", k), "x"))
				}
				id := i.add(c, i.balance(c, 1))
				i.sync()
				i.correct(id, i.balance(c, 2))
			}
		},
	}
	trouble := map[string]func(*instants){
		"and all is well": func(*instants) {},
		"and the token is refused": func(i *instants) {
			i.fault = faults.Fault{Method: http.MethodPost, Path: anyCustom, Kind: faults.Unauthorized}
		},
		"and Silverfin asks for a rest": func(i *instants) {
			i.fault = faults.Fault{Method: http.MethodPost, Path: anyCustom, Kind: faults.TooManyRetryAfter, RetryAfter: "40"}
		},
		"and another call of the firm is told to rest": func(i *instants) {
			i.wrapDestination = func(d daemon.Destination) daemon.Destination {
				return observedDestination{d, func(ctx context.Context, _ ledger.Target, _ ledger.Figures) error {
					i.sf.Faults().Add(faults.Fault{Method: http.MethodGet, Path: "/api/v4/f/*/companies", Kind: faults.TooManyRetryAfter, RetryAfter: "40"})
					_, _, err := d.Companies(ctx)
					if err == nil {
						return errors.New("the other call was not told to rest")
					}
					return nil
				}}
			}
		},
		"and calls are few": func(i *instants) {
			i.rps = 0.1
			i.reopenWith(nil)
		},
	}
	everything := testenv.Asked(t, testenv.Thorough)
	for name, begin := range start {
		for with, wrapStore := range trouble {
			if !everything && name != "a new balance" && with != "and the token is refused" {
				continue // each start and each trouble is there once, not all pairs
			}
			t.Run(name+" "+with, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := &instants{fixture: newMemoryFixture(t), figure: func(n int) balance.Cell { return cells[n*7%len(cells)] }}
					begin(i)
					wrapStore(i)
					calls := i.run()
					i.wantNothingOverwritten()
					if calls < 6 || i.typed < calls-2 || i.writes < 3 || i.longest > time.Second {
						t.Errorf("%d calls, a person typed %d times, %d writes, each at most %s after its look", calls, i.typed, i.writes, i.longest)
					}
				})
			})
		}
	}
}
