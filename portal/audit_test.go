package portal

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balansd/daemon"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// looking are the methods of the daemon's API that change nothing, and so are
// not recorded. Beginning a sign-in to Silverfin changes nothing before it
// ends.
var looking = []string{"Status", "Entries", "Show", "Document", "Dossiers", "History", "Connections", "Firms", "Links", "BeginSilverfin"}

// TestEveryChangeIsRecorded calls each method of the daemon's API: one that
// changes something leaves a record, with who, whether it succeeded, and no
// secret; one that looks leaves none. A new method is one or the other.
func TestEveryChangeIsRecorded(t *testing.T) {
	methods := reflect.TypeFor[daemon.API]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		for mood, fails := range map[string]error{"": nil, "busy": problem.New(problem.Busy, "a pass is under way", "")} {
			shelf := newMemoryShelf()
			trail := NewTrail(TrailConfig{Shelf: shelf, Log: zerolog.Nop()})
			api := &fake{err: fails}
			if name == "Sync" { // the case of the contract is a dry run
				_, _ = Audited(api, trail).Sync(withOrigin(t.Context(), "192.0.2.7"), daemon.SyncRequest{By: "An", Dossier: "bakkerij"}, nil)
			} else {
				cases[name](withOrigin(t.Context(), "192.0.2.7"), Audited(api, trail))
			}
			list, _, err := trail.Page(t.Context(), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(looking, name) {
				if len(list) > 0 {
					t.Errorf("%s looks, and is recorded: %+v", name, list)
				}
				continue
			}
			if len(list) == 0 {
				t.Errorf("%s changes something, and is not recorded", name)
			}
			for _, r := range list {
				if r.What == "" || r.From != "192.0.2.7" || r.Outcome != mood || r.At.IsZero() || r.Who == "" && name != "Decide" {
					t.Errorf("%s is recorded as %+v", name, r)
				}
				if messages(t, "nl")["audit.do-"+r.What] == nil {
					t.Errorf("%s is recorded as %s, which no message tells", name, r.What)
				}
				if strings.Contains(r.On, "code") || strings.Contains(r.On, "state") {
					t.Errorf("%s records a secret: %+v", name, r)
				}
			}
		}
	}
	shelf := newMemoryShelf()
	trail := NewTrail(TrailConfig{Shelf: shelf, Log: zerolog.Nop()})
	cases["Sync"](t.Context(), Audited(&fake{}, trail))
	if list, _, _ := trail.Page(t.Context(), 0, 10); len(list) > 0 {
		t.Errorf("a dry run is recorded: %+v", list)
	}
}

// TestTrailIsBounded keeps the newest records, in order, and none that is too
// old.
func TestTrailIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail := NewTrail(TrailConfig{Shelf: newMemoryShelf(), Log: zerolog.Nop(), Size: 50, Confirmed: time.Now})
		for i := range 120 {
			trail.Note(t.Context(), Record{Who: "An", What: "retry", On: strconv.Itoa(i)})
		}
		var seen []string
		for before := uint64(0); ; {
			list, older, err := trail.Page(t.Context(), before, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				seen = append(seen, r.On)
			}
			if before = older; before == 0 {
				break
			}
		}
		if len(seen) != 50 || seen[0] != "119" || seen[49] != "70" {
			t.Errorf("the trail holds %q", seen)
		}
		time.Sleep(trailAge)
		for range 5 {
			trail.Note(t.Context(), Record{What: "retry", On: "new"})
		}
		if list, _, _ := trail.Page(t.Context(), 0, 100); len(list) != 5 {
			t.Errorf("%d records are left, of which 5 are new", len(list))
		}
	})
}

// TestAChangeStandsWhenTheTrailCannotBeKept: what was done in Silverfin cannot
// be undone because a disk is full.
func TestAChangeStandsWhenTheTrailCannotBeKept(t *testing.T) {
	shelf := newMemoryShelf()
	shelf.full = errors.New("no space left on device")
	var log strings.Builder
	api := Audited(&fake{}, NewTrail(TrailConfig{Shelf: shelf, Log: zerolog.New(&log)}))
	if _, err := api.Retry(t.Context(), 7, "An"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "the trail could not be kept") {
		t.Errorf("the log says %q", log.String())
	}
}
