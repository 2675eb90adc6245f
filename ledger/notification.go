package ledger

import "time"

// Report is what notifications are made from: what needs a person, as it is now.
type Report struct {
	Conditions []Condition
	// Run is the newest run over everything that ended, 0 for none. Conditions of a run
	// are told once after it.
	Run uint64
	// Night is the newest run of a night that succeeded, 0 for none, and NightEnd its end.
	Night    uint64
	NightEnd time.Time
}

// Unsent is a notification that could not be sent yet.
type Unsent struct {
	Channel  string    `json:"channel"` // such as "it@office.example"
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts"`
	Next     time.Time `json:"next,omitzero"` // when it is tried again
	Problem  string    `json:"problem,omitempty"`
}

// NotifyTest is what became of a test message.
type NotifyTest struct {
	Channel string `json:"channel"`
	Problem string `json:"problem,omitempty"` // empty when it was sent
}
