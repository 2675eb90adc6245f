package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/notify"

	"github.com/google/go-cmp/cmp"
)

const hookSecret = "0123456789abcdef-canary"

// hook is a receiver of webhooks.
type hook struct {
	*httptest.Server

	header http.Header
	body   []byte
	status int
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{status: http.StatusAccepted}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.header, h.body = r.Header, must(io.ReadAll(r.Body))
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (h *hook) channel(format notify.Format) notify.Channel {
	w := notify.Webhook{URL: h.URL + "/secret-path-canary", Format: format, Secret: hookSecret, HTTP: h.Client()}
	return notify.Channel{ID: "hook", Audience: notify.Everyone, Send: w.Send}
}

// TestWebhook: the message is as docs/webhook.md has it, and signed.
func TestWebhook(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	f := newFixture(t, openState(t), h.channel(notify.JSON))
	f.report(1, relink("Kantoor"), waits("12", ledger.NoCompany))
	id := "" // which the state decides
	var got map[string]any
	if err := json.Unmarshal(h.body, &got); err != nil {
		t.Fatal(err)
	}
	id, _ = got["id"].(string)
	if len(id) != 32 {
		t.Errorf("the id is %q", id)
	}
	want := map[string]any{"version": 1.0, "type": "report", "id": id, "sent_at": "2026-03-10T03:00:00Z", "server": "SRV01",
		"url": "https://balansd.office.example", "subject": "balansd on SRV01: 2 new things to do", "open": []any{}, "solved": []any{},
		"new": []any{
			map[string]any{"kind": "firm_relink", "role": "admin", "name": "Kantoor", "count": 1.0, "url": "https://balansd.office.example/connection#step2",
				"text": "Silverfin firm Kantoor must be linked again.", "next": "Do so on the page Syncs, or with balansd connect silverfin."},
			map[string]any{"kind": "balance_waits", "reason": "no_company", "role": "accountant", "count": 1.0,
				"url": "https://balansd.office.example/dossiers?state=waiting", "text": "1 social balance waits: title of no_company.",
				"balances": []any{map[string]any{"entry": "12", "url": "https://balansd.office.example/dossiers/12"}}},
		}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	at := h.header.Get("Balansd-Timestamp")
	if at != "1773111600" || h.header.Get("Balansd-Signature") != "v1="+notify.Signature(hookSecret, at, h.body) {
		t.Errorf("the headers are %v", h.header)
	}
	if notify.Signature(hookSecret, at, h.body) == notify.Signature(hookSecret, "1773111601", h.body) {
		t.Error("the signature does not cover the time")
	}
	for _, canary := range []string{clientCanary, figureCanary, hookSecret} {
		if strings.Contains(string(h.body), canary) {
			t.Errorf("the message has %s", canary)
		}
	}
}

// TestChats: Teams and Slack get what they can show, short enough and with nothing that a
// name could turn into a link.
func TestChats(t *testing.T) {
	t.Parallel()
	for _, format := range []notify.Format{notify.Teams, notify.Slack} {
		h := newHook(t)
		f := newFixture(t, openState(t), h.channel(format))
		list := []ledger.Condition{relink("<https://evil.example|Kantoor> [x](https://evil.example)")}
		for n := range 60 {
			c := relink("Kantoor " + strings.Repeat("lang ", 30))
			c.Subject = string(rune('a' + n))
			list = append(list, c)
		}
		f.report(1, list...)
		var m struct {
			Text        string
			Blocks      []struct{ Text struct{ Type, Text string } }
			Type        string
			Attachments []struct {
				ContentType string
				Content     struct {
					Type, Version string
					Body          []struct{ Type, Text string }
					Actions       []struct{ Type, Title, URL string }
				}
			}
		}
		if err := json.Unmarshal(h.body, &m); err != nil {
			t.Fatal(err)
		}
		if len(h.body) > 20<<10 || len(m.Blocks) > 50 {
			t.Errorf("%s: %d bytes, %d blocks", format, len(h.body), len(m.Blocks))
		}
		if format == notify.Slack {
			if m.Text == "" || len(m.Blocks) < 4 || !strings.Contains(m.Blocks[2].Text.Text, "&lt;https://evil.example|Kantoor&gt;") {
				t.Errorf("slack gets %s", h.body)
			}
			continue
		}
		if m.Type != "message" || len(m.Attachments) != 1 {
			t.Fatalf("teams gets %s", h.body)
		}
		card := m.Attachments[0].Content
		if card.Type != "AdaptiveCard" || card.Actions[0].URL != "https://balansd.office.example" || !strings.Contains(card.Body[2].Text, `\[x\](https`) {
			t.Errorf("teams gets %s", h.body)
		}
	}
}

// TestWebhookRefused: a refusal is tried again, and neither address nor secret is shown.
func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	h.status = http.StatusServiceUnavailable
	f := newFixture(t, openState(t), h.channel(notify.JSON))
	f.report(1, relink("Kantoor"))
	u := f.unsent()
	if len(u) != 1 || !strings.HasSuffix(u[0].Problem, "answers 503 Service Unavailable") || strings.Contains(u[0].Problem, "canary") {
		t.Errorf("unsent is %+v", u)
	}
	first := h.body
	h.Close()
	f.clock.Add(time.Minute)
	f.deliver()
	if u := f.unsent(); len(u) != 1 || u[0].Attempts != 2 || strings.Contains(u[0].Problem, "canary") {
		t.Errorf("unsent is %+v", u)
	}
	if len(first) == 0 {
		t.Error("nothing was sent")
	}
}

// TestHeartbeatCall calls the address, and an answer that is no success is an error
// without it.
func TestHeartbeatCall(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	beat := notify.Heartbeat(h.Client(), h.URL+"/secret-path-canary")
	if err := beat(t.Context()); err != nil {
		t.Error(err)
	}
	h.status = http.StatusNotFound
	if err := beat(t.Context()); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v", err)
	}
}
