package daemon

import (
	"context"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// Notifier tells people what needs them. Implementations are safe for concurrent use.
type Notifier interface {
	// Report saves what has to be told. It is quick, and sends nothing.
	Report(ctx context.Context, r ledger.Report) error
	// Deliver sends what is due. It returns when each message was tried.
	Deliver(ctx context.Context)
	// Unsent lists the messages that could not be sent yet.
	Unsent(ctx context.Context) ([]ledger.Unsent, error)
	// Test sends a test message to everybody.
	Test(ctx context.Context) []ledger.NotifyTest
}

// NotifyRequest asks for a test message.
type NotifyRequest struct {
	By string `json:"by,omitempty"`
}

// NotifyTested is what became of the test messages.
type NotifyTested struct {
	Channels []ledger.NotifyTest `json:"channels"`
}

// NotifyTest sends a test message to everybody who is told what needs a person.
func (d *Daemon) NotifyTest(ctx context.Context, _ NotifyRequest) (NotifyTested, error) {
	n := d.config().Notifier
	if n == nil {
		return NotifyTested{}, problem.New(problem.NotAllowed, "nobody is to be told anything",
			"Set notify.mail or notify.webhooks in the configuration; config.example.yaml explains them.")
	}
	return NotifyTested{n.Test(ctx)}, nil
}

// notifyInterval is how often it is looked between the runs whether something needs a
// person, such as a missed night.
const notifyInterval = time.Hour

// deliverNotifications sends what has to be told until ctx ends, beside the nights: a mail
// server that does not answer holds nothing up.
func (d *Daemon) deliverNotifications(ctx context.Context) {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	var reported time.Time
	for {
		if n := d.config().Notifier; n != nil {
			if now := d.config().Now(); now.Sub(reported).Abs() >= notifyInterval {
				d.report(ctx)
				reported = now
			}
			n.Deliver(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// report says to the notifier what needs a person now. Errors are logged alone: the state
// says the same at the next report.
func (d *Daemon) report(ctx context.Context) {
	n := d.config().Notifier
	if n == nil {
		return
	}
	r, err := d.notifyReport(ctx)
	if err == nil {
		err = n.Report(ctx, r)
	}
	if err != nil && ctx.Err() == nil {
		d.log().Warn().Err(err).Str("code", string(problem.Of(err).Code)).Msg("what needs a person could not be noted")
	}
}

func (d *Daemon) notifyReport(ctx context.Context) (r ledger.Report, err error) {
	s, err := d.status(ctx, 0)
	if err != nil {
		return r, err
	}
	r.Conditions = s.Conditions
	if s.GoodNight != nil {
		r.Night, r.NightEnd = s.GoodNight.Number, s.GoodNight.End
	}
	runs, err := d.config().Store.Runs(ctx, recentRuns)
	if err != nil {
		return r, err
	}
	for _, run := range runs {
		if !run.Chosen && !run.End.IsZero() {
			r.Run = run.Number
			break
		}
	}
	return r, nil
}
