package notify

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"balansd/internal/clip"
	"balansd/keyvalue"
	"balansd/ledger"

	"github.com/rs/zerolog"
)

// Audience says for whom a channel is: what it tells.
type Audience string

// The audiences.
const (
	Admins   Audience = "admin" // what an IT admin or a CSM does
	Staff    Audience = "staff" // what an accountant does
	Everyone Audience = "all"
)

// hears reports whether the audience is told what a role must do.
func (a Audience) hears(r ledger.Role) bool {
	return a == Everyone || (r == ledger.Accountant) == (a == Staff)
}

// Channel is one recipient of messages.
type Channel struct {
	ID       string // stable; names no secret
	Name     string // for people, such as "it@office.example"; names no secret
	Audience Audience
	Language string
	Send     func(ctx context.Context, m Message) error
}

// Config configures a Notifier.
type Config struct {
	State    keyvalue.Store
	Channels []Channel
	// Heartbeat is called after each good night; nil for none.
	Heartbeat func(ctx context.Context) error
	// ClientNames lets messages name clients.
	ClientNames bool
	Host        string // the name of this server
	URL         string // of the pages, without a slash at its end; empty for none
	// CaseTitle returns in a language what a balance needs a person for, by the reason or
	// the kind of failure; ProblemTitle what a problem is, by its code.
	CaseTitle, ProblemTitle func(language, code string) (string, error)
	Now                     func() time.Time
	Log                     zerolog.Logger
}

// Notifier keeps what has to be told, and sends it. It is safe for concurrent use.
type Notifier struct {
	cfg   Config
	words map[string]*words // by language

	mu    sync.Mutex
	tried map[string]bool // channels that were tried since this Notifier was made
}

// New returns a Notifier. A message that waits is tried at once, whatever its backoff:
// the configuration may have changed.
func New(cfg Config) (*Notifier, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	all, err := loadWords(cfg)
	return &Notifier{cfg: cfg, words: all, tried: map[string]bool{}}, err
}

const (
	// reminderAfter is how long nothing is told while nothing changes.
	reminderAfter = 7 * 24 * time.Hour
	// sendTimeout bounds one attempt to send.
	sendTimeout = time.Minute
	// heartbeatFor is the age from which a good night is not told any more: a late
	// heartbeat would say that all is well.
	heartbeatFor = 20 * time.Hour
)

// backoff are the waits after failed attempts; the last one repeats.
var backoff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour}

func waitAfter(attempts int) time.Duration {
	return backoff[min(max(attempts, 1), len(backoff))-1]
}

// Report saves what has to be told, in one transaction. It sends nothing.
func (n *Notifier) Report(ctx context.Context, r ledger.Report) error {
	changed := false
	err := n.cfg.State.View(ctx, func(rd keyvalue.Reader) error {
		s, err := load(rd, n.cfg.Channels)
		if err == nil {
			changed = s.report(r, n.cfg)
		}
		return err
	})
	if err != nil || !changed {
		return err
	}
	return n.update(ctx, func(s *state) bool { return s.report(r, n.cfg) })
}

// update changes the state in one transaction.
func (n *Notifier) update(ctx context.Context, change func(*state) bool) error {
	return n.cfg.State.Update(ctx, func(w keyvalue.Writer) error {
		s, err := load(w, n.cfg.Channels)
		if err != nil || !change(&s) {
			return err
		}
		return s.save(w)
	})
}

// Deliver sends what is due, over all channels at once, and returns when each was tried.
// It is to be called from one goroutine.
func (n *Notifier) Deliver(ctx context.Context) {
	var s state
	err := n.cfg.State.View(ctx, func(r keyvalue.Reader) (err error) {
		s, err = load(r, n.cfg.Channels)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			n.cfg.Log.Warn().Err(err).Msg("what has to be told could not be read")
		}
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range n.cfg.Channels {
		rec := s.channels[c.ID]
		if n.due(c.ID, rec.delivery, rec.pending(n.cfg.Now())) {
			all.Go(func() { n.tell(ctx, c, *rec) })
		}
	}
	if n.cfg.Heartbeat != nil && n.due(heartbeatID, s.heartbeat.delivery, s.heartbeat.pending(n.cfg.Now())) {
		all.Go(func() { n.beat(ctx, s.heartbeat.Night) })
	}
}

// due reports whether something that is pending is to be tried now.
func (n *Notifier) due(id string, d delivery, pending bool) bool {
	if !pending {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	first := !n.tried[id]
	n.tried[id] = true
	return first || !n.cfg.Now().Before(d.Next)
}

// tell sends the message of one channel and records how that went.
func (n *Notifier) tell(ctx context.Context, c Channel, rec record) {
	err := n.attempt(ctx, func(ctx context.Context) error { return c.Send(ctx, n.message(c, rec)) })
	if ctx.Err() != nil && err != nil {
		return // stopped: tried again at the next start
	}
	now := n.cfg.Now()
	saveErr := n.update(context.WithoutCancel(ctx), func(s *state) bool {
		have := s.channels[c.ID]
		if err != nil {
			have.fail(err, now)
			return true
		}
		have.Told, have.ToldAt, have.Sent, have.delivery = rec.Current, now, rec.Sent+1, delivery{}
		return true
	})
	n.log(cmp.Or(err, saveErr), c.Name, rec.delivery)
}

// beat sends the heartbeat of a night and records how that went.
func (n *Notifier) beat(ctx context.Context, night uint64) {
	err := n.attempt(ctx, n.cfg.Heartbeat)
	if ctx.Err() != nil && err != nil {
		return
	}
	var before delivery
	saveErr := n.update(context.WithoutCancel(ctx), func(s *state) bool {
		before = s.heartbeat.delivery
		if err != nil {
			s.heartbeat.fail(err, n.cfg.Now())
			return true
		}
		s.heartbeat.Sent, s.heartbeat.delivery = night, delivery{}
		return true
	})
	n.log(cmp.Or(err, saveErr), heartbeatName, before)
}

func (n *Notifier) attempt(ctx context.Context, send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return send(ctx)
}

// log logs one attempt: a failure as a warning once, then at debug level.
func (n *Notifier) log(err error, channel string, before delivery) {
	switch {
	case err == nil:
		n.cfg.Log.Info().Str("channel", channel).Msg("notification sent")
	case before.Attempts == 0:
		n.cfg.Log.Warn().Err(err).Str("channel", channel).Msg("a notification could not be sent, it is tried again")
	default:
		n.cfg.Log.Debug().Err(err).Str("channel", channel).Msg("a notification could not be sent again")
	}
}

// Unsent lists the messages that wait although they were tried.
func (n *Notifier) Unsent(ctx context.Context) (list []ledger.Unsent, err error) {
	err = n.cfg.State.View(ctx, func(r keyvalue.Reader) error {
		s, err := load(r, n.cfg.Channels)
		if err != nil {
			return err
		}
		now := n.cfg.Now()
		add := func(name string, d delivery, pending bool) {
			if pending && d.Attempts > 0 {
				list = append(list, ledger.Unsent{Channel: name, Since: d.Since, Attempts: d.Attempts, Next: d.Next, Problem: d.Error})
			}
		}
		for _, c := range n.cfg.Channels {
			add(c.Name, s.channels[c.ID].delivery, s.channels[c.ID].pending(now))
		}
		if n.cfg.Heartbeat != nil {
			add(heartbeatName, s.heartbeat.delivery, s.heartbeat.pending(now))
		}
		return nil
	})
	return list, err
}

// Test sends a test message over each channel, and says what became of each. The
// heartbeat is left alone: it would say that a night was good.
func (n *Notifier) Test(ctx context.Context) []ledger.NotifyTest {
	results := make([]ledger.NotifyTest, len(n.cfg.Channels))
	var all sync.WaitGroup
	for i, c := range n.cfg.Channels {
		all.Go(func() {
			results[i].Channel = c.Name
			m := n.message(c, record{})
			m.Test = true
			if err := n.attempt(ctx, func(ctx context.Context) error { return c.Send(ctx, m) }); err != nil {
				results[i].Problem = clip.Line(err.Error())
				n.cfg.Log.Warn().Err(err).Str("channel", c.Name).Msg("a test notification could not be sent")
			}
		})
	}
	all.Wait()
	return results
}

// Names lists the channels, the heartbeat included, for people.
func (n *Notifier) Names() (list []string) {
	for _, c := range n.cfg.Channels {
		list = append(list, c.Name)
	}
	if n.cfg.Heartbeat != nil {
		list = append(list, heartbeatName)
	}
	return slices.Clip(list)
}
