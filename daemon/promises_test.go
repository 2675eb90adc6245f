package daemon_test

import (
	"context"
	"maps"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"

	"github.com/google/go-cmp/cmp"
)

// observedDestination is a destination that hears of every write before it goes out.
type observedDestination struct {
	daemon.Destination
	write func(ctx context.Context, p ledger.Target, f ledger.Figures) error
}

func (d observedDestination) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	return d.Destination.Update(ctx, p, to, func(r ledger.Reading) (ledger.Figures, error) {
		write, err := decide(r)
		if len(write) > 0 && err == nil {
			err = d.write(ctx, p, write)
		}
		return write, err
	})
}

// Before anything goes to Silverfin, the ledger holds on disk that it is being
// sent, and exactly what.
func TestNothingIsWrittenWithoutARecordOfIt(t *testing.T) {
	fx, clients := withClients(t, 3)
	writes := 0
	fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
		return observedDestination{d, func(ctx context.Context, p ledger.Target, f ledger.Figures) error {
			fx.mu.Lock()
			writes++
			fx.mu.Unlock()
			var of []ledger.Entry
			for e, err := range fx.store.OpenEntries(ctx) {
				if err != nil {
					t.Error(err)
				}
				if e.Target != nil && e.Target.Key() == p.Key() {
					of = append(of, e)
				}
			}
			if len(of) != 1 || of[0].State != ledger.Sending || of[0].ValuesHash == "" {
				t.Errorf("a write goes to %s while the ledger says %+v", p.CompanyName, of)
				return nil
			}
			known, err := fx.store.Written(ctx, p)
			if err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(f, known.Intended); d != "" || known.By != of[0].Number {
				t.Errorf("the record is not of what is written (-written +recorded):\n%s", d)
			}
			return nil
		}}
	}
	fx.sync()
	if writes != len(clients) {
		t.Errorf("%d writes for %d clients", writes, len(clients))
	}
}

// lossyDestination is a destination that takes a write and holds something else.
type lossyDestination struct {
	daemon.Destination
	read func(ledger.Figures) ledger.Figures
}

func (d lossyDestination) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	return d.Destination.Update(ctx, p, to, func(r ledger.Reading) (ledger.Figures, error) {
		r.Have = d.read(r.Have)
		return decide(r)
	})
}

// Whatever Silverfin answers to a write, an entry is done only once Silverfin
// holds the figures.
func TestNothingIsDoneWithoutBeingReadBackEqual(t *testing.T) {
	for name, lose := range map[string]func(ledger.Figures) ledger.Figures{
		"one figure is missing": func(f ledger.Figures) ledger.Figures {
			f = maps.Clone(f)
			delete(f, cellOf(t, "1003"))
			return f
		},
		"one figure is another": func(f ledger.Figures) ledger.Figures {
			f = maps.Clone(f)
			if len(f) > 0 {
				f[cellOf(t, "1003")] = "123456"
			}
			return f
		},
		"nothing is kept": func(ledger.Figures) ledger.Figures { return ledger.Figures{} },
	} {
		t.Run(name, func(t *testing.T) {
			fx, clients := withClients(t, 1)
			broken := true
			fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
				return lossyDestination{d, func(f ledger.Figures) ledger.Figures {
					if broken {
						return lose(f)
					}
					return f
				}}
			}
			fx.sync()
			e := fx.only()
			if e.State != ledger.Failed || e.FailClass != ledger.NotEqual {
				t.Fatalf("entry is %s %s: %s", e.State, e.FailClass, e.Detail)
			}
			broken = false
			converge(fx, clients)
		})
	}
}
