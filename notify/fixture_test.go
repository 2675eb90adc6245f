package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/internal/testenv"
	"balansd/keyvalue"
	"balansd/keyvalue/kvtest"
	"balansd/ledger"
	"balansd/notify"

	"github.com/rs/zerolog"
)

// fixture is a Notifier on a real state, whose channels record what they get.
type fixture struct {
	t     *testing.T
	state keyvalue.Store
	cfg   notify.Config
	clock *testenv.Clock
	n     *notify.Notifier

	mu     sync.Mutex
	broken error // what each channel fails with
	got    []string
	full   []notify.Message
	beats  int
}

func openState(*testing.T) keyvalue.Store { return kvtest.New() }

func newFixture(t *testing.T, state keyvalue.Store, channels ...notify.Channel) *fixture {
	t.Helper()
	f := &fixture{t: t, state: state, clock: testenv.NewClock(time.Date(2026, 3, 10, 3, 0, 0, 0, time.UTC))}
	for i := range channels {
		name := channels[i].ID
		channels[i].Name = name
		if channels[i].Language == "" {
			channels[i].Language = "en"
		}
		if channels[i].Send == nil {
			channels[i].Send = func(_ context.Context, m notify.Message) error { return f.take(name, m) }
		}
	}
	f.cfg = notify.Config{State: state, Channels: channels, Host: "SRV01", URL: "https://balansd.office.example", Now: f.clock.Now, Log: zerolog.Nop(),
		CaseTitle: title, ProblemTitle: title, Heartbeat: func(context.Context) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.broken == nil {
				f.beats++
			}
			return f.broken
		}}
	f.restart()
	return f
}

func title(_, code string) (string, error) { return "title of " + code, nil }

func (f *fixture) restart() {
	f.t.Helper()
	n, err := notify.New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.n = n
}

func (f *fixture) take(name string, m notify.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	f.full = append(f.full, m)
	f.got = append(f.got, fmt.Sprintf("%s: new %s, open %s, solved %s", name, texts(m.New), texts(m.Open), texts(m.Solved)))
	return nil
}

func texts(items []notify.Item) string {
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = fmt.Sprintf("%s %s×%d", item.Kind, item.Reason, item.Count)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// report reports and delivers, and returns what the channels got.
func (f *fixture) report(run uint64, list ...ledger.Condition) []string {
	f.t.Helper()
	if err := f.n.Report(f.t.Context(), ledger.Report{Conditions: list, Run: run}); err != nil {
		f.t.Fatal(err)
	}
	return f.deliver()
}

func (f *fixture) deliver() []string {
	f.t.Helper()
	f.n.Deliver(f.t.Context())
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

func (f *fixture) unsent() []ledger.Unsent {
	f.t.Helper()
	list, err := f.n.Unsent(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

func (f *fixture) breaks(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

var errDown = errors.New("it does not answer")

// Canaries that no message may have.
const (
	clientCanary = "Bakkerij Kanarie BV"
	figureCanary = "44317.25"
)

func waits(number string, reason ledger.Reason) ledger.Condition {
	return ledger.Condition{Kind: ledger.BalanceWaits, Subject: number, Reason: string(reason), Role: ledger.Accountant, Client: clientCanary,
		Detail: "1003 is " + figureCanary + " for " + clientCanary, Path: "/dossiers/" + number}
}

func relink(name string) ledger.Condition {
	return ledger.Condition{Kind: ledger.FirmRelink, Subject: "1001", Name: name, Role: ledger.Admin, Path: "/connection#step2"}
}

// parsed is a mail as a mail program reads it.
type parsed struct {
	mail.Header
	subject, body string
}

func parse(t *testing.T, raw []byte) parsed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	p := parsed{Header: m.Header}
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Fatalf("the mail is encoded as %s", m.Header.Get("Content-Transfer-Encoding"))
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	p.body = strings.ReplaceAll(string(body), "\r\n", "\n")
	return p
}
