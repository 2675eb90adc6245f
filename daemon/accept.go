package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// YearCode names the financial year among the answers of an AcceptRequest.
const YearCode = "year"

// Answer is what a person says one doubtful thing of a document is.
type Answer struct {
	Code string `json:"code"` // the cell, such as 1003P, or YearCode
	// Reading is one of the doubt's readings, or another amount; empty for a cell
	// that is empty.
	Reading string `json:"reading"`
}

// AcceptRequest is a person's word on what a document leaves open, or, without
// answers, that of several balances this one counts.
type AcceptRequest struct {
	Number   uint64   `json:"number"`
	Readings []Answer `json:"readings,omitempty"`
	// Seen is the version of the entry that the person saw; 0 for whatever it
	// is now.
	Seen uint64 `json:"seen,omitempty"`
	By   string `json:"by,omitempty"`
}

// Accept settles what a document leaves open, by a person's word. The word holds for
// that very document: a new revision asks anew. An entry that nothing is left open
// of is delivered at the next run; of the others the rest stays open.
//
// Of an entry for which it is not clear which of several counts, it says that this
// one does, and supersedes the others of its year.
func (d *Daemon) Accept(ctx context.Context, r AcceptRequest) (ledger.Entry, error) {
	cfg := d.config()
	e, err := cfg.Store.Entry(ctx, r.Number)
	if err != nil {
		return e, err
	}
	if r.Seen != 0 && r.Seen != e.Version {
		return e, changedSince(e)
	}
	chooses := e.State == ledger.Waiting && e.Reason == ledger.WhichCounts
	switch {
	case !chooses && (len(e.Doubts) == 0 || !slices.Contains([]ledger.State{ledger.Found, ledger.Waiting, ledger.Failed}, e.State)):
		return e, notAllowed(e, "accepted", "Only a balance whose document leaves something open, or of which it is not clear whether it counts, is to be accepted.")
	case !chooses && len(r.Readings) == 0:
		return e, problem.New(problem.Usage, fmt.Sprintf("entry %d leaves open what to deliver, and no reading was given", e.Number), possible(e, e.Doubts))
	}
	step, said := ledger.Move{Entry: e}, []string{}
	if len(r.Readings) > 0 {
		if step, said, err = cfg.settleDoubts(ctx, e, r); err != nil {
			return e, err
		}
	}
	if step.Entry, err = cfg.accepted(step.Entry); err != nil {
		return e, notAllowed(e, "accepted", "")
	}
	steps := []ledger.Move{step}
	if chooses {
		said = append(said, "chose this balance before the others of its year")
		if steps[0].Entry.Chosen, err = d.newestKnown(ctx, e); err != nil {
			return e, err
		}
		others, err := cfg.supersedeOthers(ctx, e, r.By)
		if err != nil {
			return e, err
		}
		steps = append(steps, others...)
	}
	next := step.Entry
	steps[0].Event = ledger.Event{At: cfg.Now(), By: r.By, State: next.State, Reason: next.Reason, Act: ledger.ActAccept,
		Text: name(r.By) + " " + strings.Join(said, "; "), Figures: len(r.Readings)}
	moved, err := cfg.Store.Move(ctx, steps...)
	if err != nil {
		return e, err
	}
	d.log().Info().Uint64("entry", r.Number).Str("by", r.By).Str("state", string(next.State)).Int("readings", len(r.Readings)).Msg("a person accepted an entry")
	return moved[0], nil
}

// accepted moves an entry on after a person's word: to be delivered, or to wait for
// the rest of what its document leaves open.
func (cfg Config) accepted(e ledger.Entry) (ledger.Entry, error) {
	if len(e.Doubts) > 0 {
		wait := inDoubt(e.Doubts)
		return e.Wait(wait.Reason, wait.Detail, remedies[wait.Reason], cfg.Now())
	}
	next, err := e.Retry(cfg.Now())
	next.Detail, next.Next = "accepted by a person", "It is delivered at the next run: balansd sync."
	return next, err
}

// settleDoubts applies a person's answers to the document of an entry. It gives the
// entry with its figures and what is left open, not moved yet, and what is to be
// said of it.
func (cfg Config) settleDoubts(ctx context.Context, e ledger.Entry, r AcceptRequest) (step ledger.Move, said []string, err error) {
	doc, err := cfg.Store.Document(ctx, e.Number)
	if err != nil {
		return step, nil, err
	}
	if doc == nil {
		return step, nil, notAllowed(e, "accepted, since its document is not kept", fmt.Sprintf("Have it read anew: balansd ledger retry %d, and balansd sync.", e.Number))
	}
	hash := hashOf(doc)
	words := e.AcceptedFor(hash)
	for _, a := range r.Readings {
		word, err := answer(e, a)
		if err != nil {
			return step, nil, err
		}
		if slices.ContainsFunc(words, func(w ledger.AcceptedReading) bool { return w.Code == word.Code }) {
			return step, nil, problem.New(problem.Usage, fmt.Sprintf("%s is given twice", a.Code), possible(e, e.Doubts))
		}
		word.By, word.At, word.Document = r.By, cfg.Now(), hash
		words, said = append(words, word), append(said, saidOf(word))
	}
	b, err := cfg.readAccepted(ctx, doc, words)
	if err != nil {
		return step, nil, problem.Wrap(err, problem.Unreadable, "the document "+e.ID+" cannot be read", "")
	}
	if listed, read := e.FiscalYear.End, b.FiscalYear.End; !b.YearInDoubt() && !listed.IsZero() && !read.IsZero() && listed != read {
		return step, nil, problem.New(problem.Usage, fmt.Sprintf("the source lists entry %d for the year that ends %s", e.Number, listed),
			"Choose the reading of that year, or dismiss the entry.")
	}
	if e.FiscalYear.End.IsZero() && !b.YearInDoubt() {
		e.FiscalYear = b.FiscalYear
	}
	e.Accepted, e.Doubts, e.Findings, e.ValuesHash = words, b.Doubts, b.Findings, b.Values.Hash()
	return ledger.Move{Entry: e, Values: b.Values}, said, nil
}

// answer finds the doubt that a person's answer is about, and reads the answer.
func answer(e ledger.Entry, a Answer) (ledger.AcceptedReading, error) {
	code := strings.TrimSpace(a.Code)
	if code == YearCode {
		code = ""
	}
	i := slices.IndexFunc(e.Doubts, func(d balance.Doubt) bool { return d.Code == code })
	if i < 0 {
		return ledger.AcceptedReading{}, problem.New(problem.Usage, fmt.Sprintf("the document of entry %d does not leave %.20q open", e.Number, a.Code), possible(e, e.Doubts))
	}
	doubt := e.Doubts[i]
	reading, typed, err := doubt.ReadAnswer(strings.TrimSpace(a.Reading))
	if err != nil {
		return ledger.AcceptedReading{}, problem.New(problem.Usage, err.Error(), possible(e, e.Doubts[i:i+1]))
	}
	return ledger.AcceptedReading{Code: doubt.Code, Reading: reading, Typed: typed, Readings: doubt.Readings, Where: doubt.Where}, nil
}

// possible says which answers there are.
func possible(e ledger.Entry, doubts []balance.Doubt) string {
	const most = 5
	var texts []string
	other := ""
	for _, d := range doubts[:min(most, len(doubts))] {
		texts = append(texts, d.String())
		if d.Kind != balance.DoubtfulYear {
			other = " Another amount may be given, too."
		}
	}
	if len(doubts) > most {
		texts = append(texts, fmt.Sprintf("and %d more", len(doubts)-most))
	}
	return fmt.Sprintf("Possible: %s.%s See the document, then: balansd ledger accept %d --reading CODE=AMOUNT.", strings.Join(texts, "; "), other, e.Number)
}

// saidOf tells a person's word in a clause for the history.
func saidOf(a ledger.AcceptedReading) string {
	text := func(reading string) string {
		if reading == "" {
			return "empty"
		}
		return reading
	}
	readings := make([]string, len(a.Readings))
	for i, r := range a.Readings {
		readings[i] = text(r)
	}
	what, typed, where := a.Code, "", ""
	if what == "" {
		what = "the financial year"
	}
	if a.Typed {
		typed = ", which is typed"
	}
	if a.Where != "" {
		where = " on " + a.Where
	}
	return fmt.Sprintf("said that %s is %s%s (the document has %s%s)", what, text(a.Reading), typed, strings.Join(readings, " or "), where)
}

// supersedeOthers returns the steps that supersede what competes with an entry that
// a person chose. What is being written is left to the next run.
func (cfg Config) supersedeOthers(ctx context.Context, e ledger.Entry, by string) (steps []ledger.Move, err error) {
	siblings, err := cfg.Store.Siblings(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, s := range siblings {
		if s.State == ledger.Superseded || s.State == ledger.Ignored || s.State == ledger.Sending {
			continue
		}
		next, err := s.Supersede(e.Number, cfg.Now())
		if err != nil {
			return nil, err
		}
		steps = append(steps, ledger.Move{Entry: next, Event: ledger.Event{At: cfg.Now(), By: by, State: next.State, Act: ledger.ActAccept,
			Text: fmt.Sprintf("%s chose entry %d, which took its place", name(by), e.Number)}})
	}
	return steps, nil
}

// readAccepted reads a document, and settles what it leaves open by those of a
// person's words that are about this very document.
func (cfg Config) readAccepted(ctx context.Context, doc []byte, accepted []ledger.AcceptedReading) (*balance.Balance, error) {
	reader := cfg.Reader
	if reader == nil {
		reader = balance.NewReader(balance.ReaderOptions{})
	}
	b, err := balance.ReadSingle(doc, func(data []byte) (*balance.Balance, error) { return reader.ReadDocument(ctx, data) })
	if err != nil || len(accepted) == 0 {
		return b, err
	}
	words := ledger.Entry{Accepted: accepted}.AcceptedFor(hashOf(doc))
	if year := ledger.AcceptedYear(words); b.YearInDoubt() && !year.End.IsZero() {
		b, err = balance.ReadSingle(doc, func(data []byte) (*balance.Balance, error) { return reader.ReadYear(ctx, data, year) })
		if err != nil {
			return nil, err
		}
	}
	for _, w := range words {
		b.Settle(w.Code, w.Reading)
	}
	return b, nil
}

func hashOf(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}
