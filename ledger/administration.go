package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"balansd/administration"
	"balansd/balance"
)

// Administration is what is known of the name and address of one company in Silverfin:
// what a source states, what Silverfin held when both were compared, and what a person
// decided.
type Administration struct {
	FirmID           int64                    `json:"firm_id"`
	CompanyID        int64                    `json:"company_id"`
	Company          string                   `json:"company"` // its name in Silverfin; may be empty
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`

	// Pick is the reference that a person picked; nil where the first source counts that
	// has the company's number.
	Pick *AdministrationPick `json:"pick,omitempty"`
	// Source and Reference are what counts; empty where no source has the company.
	Source    string    `json:"source,omitempty"`
	Reference string    `json:"reference,omitempty"`
	ListedAt  time.Time `json:"listed_at,omitzero"` // when the source was listed
	AsOf      time.Time `json:"as_of,omitzero"`     // the date of what it states, where it says so

	Stated      administration.Values              `json:"stated,omitempty"` // by the source
	Held        administration.Values              `json:"held,omitempty"`   // by Silverfin
	Differences []administration.Difference        `json:"differences"`      // also those that a person keeps
	Kept        map[administration.Field]KeptValue `json:"kept,omitempty"`
	// Writing is a write that was recorded and whose outcome is not known; nil for none.
	Writing *AdministrationWrite `json:"writing,omitempty"`
	// Gone says that Silverfin no longer lists the company.
	Gone bool `json:"gone,omitempty"`
	// History is what became of it, oldest first, at most MaxAdministrationEvents.
	History []AdministrationEvent `json:"history,omitempty"`
	// Version counts the changes. A change is refused unless it is based on the newest one.
	Version uint64 `json:"version"`
}

// MaxAdministrationEvents bounds the history of a company.
const MaxAdministrationEvents = 40

// AdministrationPick is the reference in a source that a person picked for a company.
type AdministrationPick struct {
	Source    string    `json:"source"`
	Reference string    `json:"reference"`
	By        string    `json:"by,omitempty"`
	At        time.Time `json:"at"`
}

// KeptValue is what a person saw when deciding to keep Silverfin's value.
type KeptValue struct {
	Source    string    `json:"source"`
	Silverfin string    `json:"silverfin"`
	By        string    `json:"by,omitempty"`
	At        time.Time `json:"at"`
}

// AdministrationWrite is a write that a person asked for. It holds while source and
// Silverfin have the values that the person saw.
type AdministrationWrite struct {
	Seen []administration.Difference `json:"seen"`
	By   string                      `json:"by,omitempty"` // empty where a company without a name gets one
	At   time.Time                   `json:"at"`
}

// Values returns the values that are written.
func (w AdministrationWrite) Values() administration.Values {
	v := administration.Values{}
	for _, d := range w.Seen {
		v[d.Field] = d.Source
	}
	return v
}

// AdministrationAct says what an event of the history was.
type AdministrationAct string

// The acts.
const (
	AdministrationUsed     AdministrationAct = "used"     // a person used the source's values, which were written and read back
	AdministrationNamed    AdministrationAct = "named"    // a company without a name got that of the source
	AdministrationKept     AdministrationAct = "kept"     // a person keeps Silverfin's values
	AdministrationPicked   AdministrationAct = "picked"   // a person picked a reference
	AdministrationUnpicked AdministrationAct = "unpicked" // the first source counts again
	AdministrationRefused  AdministrationAct = "refused"  // Silverfin refused the values
	AdministrationDropped  AdministrationAct = "dropped"  // a recorded write was given up: a value had changed meanwhile
)

// AdministrationActs lists every act, for the translations and their tests.
func AdministrationActs() []AdministrationAct {
	return []AdministrationAct{AdministrationUsed, AdministrationNamed, AdministrationKept, AdministrationPicked, AdministrationUnpicked,
		AdministrationRefused, AdministrationDropped}
}

// AdministrationEvent is one event of the history.
type AdministrationEvent struct {
	At      time.Time                   `json:"at"`
	Act     AdministrationAct           `json:"act"`
	By      string                      `json:"by,omitempty"`
	Source  string                      `json:"source,omitempty"`
	Changes []administration.Difference `json:"changes,omitempty"`
}

// Repeats reports whether an event says what another one said before, at another time.
func (e AdministrationEvent) Repeats(before AdministrationEvent) bool {
	return e.Act == before.Act && e.By == before.By && e.Source == before.Source && slices.Equal(e.Changes, before.Changes)
}

// Key identifies the company.
func (a Administration) Key() string { return AdministrationKey(a.FirmID, a.CompanyID) }

// AdministrationKey identifies a company. Keys of one firm stand together.
func AdministrationKey(firmID, companyID int64) string {
	return fmt.Sprintf("%d/%d", firmID, companyID)
}

// Clone returns a copy that shares nothing with a.
func (a Administration) Clone() Administration {
	a.Stated, a.Held, a.Kept = maps.Clone(a.Stated), maps.Clone(a.Held), maps.Clone(a.Kept)
	a.Differences, a.History = slices.Clone(a.Differences), slices.Clone(a.History)
	return a
}

// Open lists the differences that nobody decided about.
func (a Administration) Open() (open []administration.Difference) {
	for _, d := range a.Differences {
		if k, kept := a.Kept[d.Field]; !kept || !k.holds(d) {
			open = append(open, d)
		}
	}
	return open
}

// Difference returns the difference in a field.
func (a Administration) Difference(f administration.Field) (administration.Difference, bool) {
	i := slices.IndexFunc(a.Differences, func(d administration.Difference) bool { return d.Field == f })
	if i < 0 {
		return administration.Difference{}, false
	}
	return a.Differences[i], true
}

// holds reports whether both sides are as the person saw them.
func (k KeptValue) holds(d administration.Difference) bool {
	return administration.SameText(d.Field, k.Source, d.Source) && administration.SameText(d.Field, k.Silverfin, d.Silverfin)
}

// Compared returns a with the outcome of a comparison. What a person keeps is forgotten once
// one of the sides changed.
func (a Administration) Compared(stated, held administration.Values, differences []administration.Difference) Administration {
	a = a.Clone()
	a.Stated, a.Held, a.Differences = stated, held, differences
	if len(a.Stated) == 0 {
		a.Stated = nil // as it is when it was saved
	}
	if len(a.Held) == 0 {
		a.Held = nil
	}
	maps.DeleteFunc(a.Kept, func(f administration.Field, k KeptValue) bool {
		d, differs := a.Difference(f)
		return !differs || !k.holds(d)
	})
	if len(a.Kept) == 0 {
		a.Kept = nil
	}
	return a
}

// With returns a with one more event.
func (a Administration) With(e AdministrationEvent) Administration {
	a.History = append(slices.Clone(a.History), e)
	a.History = a.History[max(0, len(a.History)-MaxAdministrationEvents):]
	return a
}

// Keep returns a with differences that a person keeps as Silverfin has them.
func (a Administration) Keep(differences []administration.Difference, by string, at time.Time) Administration {
	a = a.Clone()
	if a.Kept == nil {
		a.Kept = map[administration.Field]KeptValue{}
	}
	for _, d := range differences {
		a.Kept[d.Field] = KeptValue{Source: d.Source, Silverfin: d.Silverfin, By: by, At: at}
	}
	return a.With(AdministrationEvent{At: at, Act: AdministrationKept, By: by, Source: a.Source, Changes: differences})
}
