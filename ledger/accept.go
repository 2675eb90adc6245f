package ledger

import (
	"slices"
	"time"

	"balansd/balance"
)

// AcceptedReading is a person's word on one thing that a document leaves open. It
// holds for that very document.
type AcceptedReading struct {
	Code     string   `json:"code,omitempty"`  // the cell, such as 1003P; empty for the financial year
	Reading  string   `json:"reading"`         // as in balance.Doubt; empty for an empty cell
	Typed    bool     `json:"typed,omitempty"` // it is none of the readings
	Readings []string `json:"readings"`        // among which the person chose
	Where    string   `json:"where,omitempty"` // they stand in the document

	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
	Document string    `json:"document"` // the SHA-256, in hex, of the document that the person saw
}

// AcceptedFor returns the words that hold for a document with a SHA-256.
func (e Entry) AcceptedFor(document string) []AcceptedReading {
	return slices.DeleteFunc(slices.Clone(e.Accepted), func(a AcceptedReading) bool { return a.Document != document })
}

// AcceptedYear returns the financial year among words, zero when none is.
func AcceptedYear(words []AcceptedReading) balance.Period {
	for _, a := range words {
		if year, err := balance.ParsePeriod(a.Reading); a.Code == "" && err == nil {
			return year
		}
	}
	return balance.Period{}
}
