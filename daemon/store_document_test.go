package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
)

// withDocuments is withClients whose documents are stored in Silverfin.
func withDocuments(t *testing.T, many int) (*fixture, map[client]*balance.Balance) {
	fx, clients := withClients(t, many)
	fx.documents = true
	fx.reopenWith(nil)
	return fx, clients
}

// wantDocuments fails unless each client has that many documents in Silverfin, all with
// names of their own, the newest with the content that the ledger keeps.
func (fx *fixture) wantDocuments(clients map[client]*balance.Balance, many int) {
	fx.t.Helper()
	for c := range clients {
		docs := fx.sf.Documents(c.company)
		names := map[string]bool{}
		for _, d := range docs {
			names[d.Name] = true
		}
		if len(docs) != many || len(names) != many {
			fx.t.Errorf("client %s has %d documents with %d names, want %d", c.number, len(docs), len(names), many)
			continue
		}
		for _, e := range fx.entries() {
			if many == 0 || e.Dossier.EnterpriseNumber != c.number || e.State != ledger.Done {
				continue
			}
			kept, err := fx.store.Document(fx.t.Context(), e.Number)
			fx.must(err)
			last := docs[len(docs)-1]
			if e.Stored == nil || e.Stored.ID != last.ID || e.Stored.Name != last.Name || !bytes.Equal(kept, last.Content) {
				fx.t.Errorf("the ledger has %+v, Silverfin %s (%d)", e.Stored, last.Name, last.ID)
			}
		}
	}
}

func TestDocumentIsStoredOnceARevision(t *testing.T) {
	fx, clients := withDocuments(t, 2)
	fx.nights(3)
	fx.wantDocuments(clients, 1)
	fx.sync()
	for c := range clients {
		_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
		fx.must(err)
		fx.correct(fx.entryOf(c).ID, fx.balance(c, 99))
	}
	fx.nights(2)
	fx.wantDocuments(clients, 2)
	for c := range clients {
		if name := fx.sf.Documents(c.company)[0].Name; !strings.HasPrefix(name, "Sociale balans 2025-12-31 (") {
			t.Errorf("it is called %q", name)
		}
	}
}

// entryOf returns the newest entry of a client.
func (fx *fixture) entryOf(c client) (newest ledger.Entry) {
	fx.t.Helper()
	for _, e := range fx.entries() {
		if e.Dossier.EnterpriseNumber == c.number {
			newest = e
		}
	}
	return newest
}

// Unless it is switched on nothing is stored, and nothing is asked. A dry run stores
// nothing. What was stored stays and is named when it is switched off again.
func TestDocumentsAreStoredOnlyIfAsked(t *testing.T) {
	fx, clients := withClients(t, 2)
	fx.nights(1)
	fx.wantDocuments(clients, 0)
	if n := fx.sf.Faults().Count(func(c faults.Call) bool { return strings.Contains(c.Path, "permanent") }); n != 0 {
		t.Errorf("%d calls about documents", n)
	}
	fx.documents = true
	fx.reopenWith(nil)
	for c := range clients {
		fx.correct(fx.entryOf(c).ID, fx.balance(c, 99))
	}
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, nil)
	fx.must(err)
	fx.wantDocuments(clients, 0)
	fx.nights(1)
	fx.wantDocuments(clients, 1)
	fx.documents = false
	fx.reopenWith(nil)
	fx.nights(1)
	fx.wantDocuments(clients, 1)
}

// Whatever call fails, in whatever way, each document is there once in the end.
func TestDocumentsWithAFaultAtEveryCall(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Unauthorized, faults.TooManyRetryAfter, faults.UnprocessableError, faults.ServerError,
		faults.LostBefore, faults.LostAfter, faults.Truncated, faults.NotJSON} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				fx, clients := withDocuments(t, 1)
				fx.sf.Faults().ResetLog()
				fx.sf.Faults().Add(faults.Fault{Path: "/api/v4/f/", Nth: n, Kind: kind, RetryAfter: "0"})
				fx.sync()
				hit := fx.sf.Faults().Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
				fx.sf.Faults().Clear()
				fx.nights(2)
				fx.wantState(fx.only(), ledger.Done, "")
				fx.wantDocuments(clients, 1)
				if t.Failed() {
					t.Fatalf("with a fault at call %d", n)
				}
				if !hit {
					return
				}
			}
		})
	}
}

// kill -9 at every change of the state leaves no document out, and stores none twice.
func TestDocumentsCutOffAtEveryStep(t *testing.T) {
	for n := int64(1); ; n++ {
		fx, clients := withDocuments(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		fx.reopenWith(func(k daemon.Store) daemon.Store {
			return cutStore{faultyStore{Store: k, calls: &calls, at: n}, cancel}
		})
		_, _ = fx.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		if calls.Load() < n {
			return
		}
		fx.reopenWith(nil)
		fx.nights(2)
		fx.wantState(fx.only(), ledger.Done, "")
		fx.wantDocuments(clients, 1)
		if t.Failed() {
			t.Fatalf("after step %d", n)
		}
	}
}

// Where the person who linked the firm may not store documents, the figures are
// delivered, and the run says which right is missing. Once it is there, what is
// outstanding is stored.
func TestDocumentsWithoutTheRight(t *testing.T) {
	fx, clients := withDocuments(t, 6)
	fx.sf.Faults().Add(faults.Fault{Method: "POST", Path: "/api/v4/f/*/companies/*/permanent_documents", Kind: faults.Forbidden, Times: -1})
	p := fx.sync()
	if said := strings.Join(p.Problems, "\n"); !strings.Contains(said, "permanent_documents:write") || p.Outcome[ledger.Done] != len(clients) {
		t.Errorf("the run did %v and says %s", p.Outcome, said)
	}
	fx.wantDocuments(clients, 0)
	fx.sf.Faults().Clear()
	fx.nights(1)
	fx.wantDocuments(clients, 1)
}
