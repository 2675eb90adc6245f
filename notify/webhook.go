package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"balansd/ledger"
)

// Format is the form of what a webhook gets.
type Format string

// The formats.
const (
	JSON  Format = "json"  // docs/webhook.md
	Teams Format = "teams" // an adaptive card, for a workflow of Microsoft Teams
	Slack Format = "slack" // for an incoming webhook of Slack
)

// Webhook is an address that messages are posted to.
type Webhook struct {
	URL    string // may hold a secret
	Format Format
	Secret string // signs the body; empty for no signature
	HTTP   *http.Client
}

// webhookVersion is the version of the schema of the format JSON.
const webhookVersion = 1

// Send posts a message.
func (h Webhook) Send(ctx context.Context, m Message) error {
	var body any
	switch h.Format {
	case Teams:
		body = teamsCard(m)
	case Slack:
		body = slackMessage(m)
	default:
		body = webhookMessage(m)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(text))
	if err != nil {
		return errors.New("the address of the webhook cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	if h.Secret != "" {
		at := strconv.FormatInt(m.At.Unix(), 10)
		req.Header.Set("Balansd-Timestamp", at)
		req.Header.Set("Balansd-Signature", "v1="+Signature(h.Secret, at, text))
	}
	return do(h.HTTP, req)
}

// Signature is the HMAC-SHA256 of timestamp, a full stop and body, in hexadecimal digits.
func Signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(timestamp + "."))
	_, _ = mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Heartbeat returns what calls an address after a good night.
func Heartbeat(client *http.Client, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return errors.New("the address of the heartbeat cannot be used")
		}
		return do(client, req)
	}
}

// do sends a request that only the status of the answer matters of. The error names the
// host alone: the address may be a secret.
func do(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return fmt.Errorf("%s: %w", req.URL.Host, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", req.URL.Host, resp.Status)
	}
	return nil
}

// webhookBody is the schema of the format JSON.
type webhookBody struct {
	Version int           `json:"version"`
	Type    string        `json:"type"` // report or test
	ID      string        `json:"id"`
	SentAt  time.Time     `json:"sent_at"`
	Server  string        `json:"server"`
	URL     string        `json:"url,omitempty"`
	Subject string        `json:"subject"`
	New     []webhookItem `json:"new"`
	Open    []webhookItem `json:"open"`
	Solved  []webhookItem `json:"solved"`
}

type webhookItem struct {
	Kind     ledger.ConditionKind `json:"kind"`
	Reason   string               `json:"reason,omitempty"`
	Role     ledger.Role          `json:"role"`
	Name     string               `json:"name,omitempty"`
	Count    int                  `json:"count"`
	Since    time.Time            `json:"since,omitzero"`
	Text     string               `json:"text"`
	Next     string               `json:"next,omitempty"`
	URL      string               `json:"url,omitempty"`
	Balances []webhookBalance     `json:"balances,omitempty"`
}

type webhookBalance struct {
	Entry  string `json:"entry"`
	Client string `json:"client,omitempty"`
	URL    string `json:"url,omitempty"`
}

func webhookMessage(m Message) webhookBody {
	b := webhookBody{Version: webhookVersion, Type: "report", ID: m.ID, SentAt: m.At.UTC().Truncate(time.Second), Server: m.Host, URL: m.URL,
		Subject: m.Subject, New: webhookItems(m.New), Open: webhookItems(m.Open), Solved: webhookItems(m.Solved)}
	if m.Test {
		b.Type = "test"
	}
	return b
}

func webhookItems(items []Item) []webhookItem {
	list := make([]webhookItem, len(items))
	for i, item := range items {
		list[i] = webhookItem{Kind: item.Kind, Reason: item.Reason, Role: item.Role, Name: item.Name, Count: item.Count, Since: item.Since,
			Text: item.Text, Next: item.Next, URL: item.URL}
		for _, l := range item.Links {
			list[i].Balances = append(list[i].Balances, webhookBalance{l.Number, l.Client, l.URL})
		}
	}
	return list
}

// maxChatItems bounds the items in a chat, whose messages have a limit of some 28 KB
// (Teams) and 50 blocks (Slack).
const maxChatItems = 20

// chatLines are the paragraphs of a message in a chat: headings and items.
func chatLines(m Message, bold, escape func(string) string) (lines []string) {
	if m.Test {
		lines = append(lines, escape(m.words.t("test", map[string]any{"Host": m.Host})))
	}
	items := 0
	for _, part := range []struct {
		heading string
		items   []Item
	}{{"heading.new", m.New}, {"heading.solved", m.Solved}, {"heading.open", m.Open}} {
		for i, item := range part.items {
			if items++; items > maxChatItems {
				return append(lines, "…")
			}
			if i == 0 {
				lines = append(lines, bold(escape(m.words.t(part.heading, nil))))
			}
			text := item.Text
			if part.heading != "heading.solved" {
				text = strings.TrimSpace(text + " " + item.Next)
			}
			lines = append(lines, "• "+escape(text))
		}
	}
	return lines
}

type object map[string]any

// teamsCard is a message that the workflow "Post to a channel when a webhook request is
// received" of Teams shows.
func teamsCard(m Message) object {
	block := func(text string, title bool) object {
		b := object{"type": "TextBlock", "text": text, "wrap": true}
		if title {
			b["size"], b["weight"] = "Medium", "Bolder"
		}
		return b
	}
	// A text block knows a part of Markdown.
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`).Replace
	body := []object{block(escape(m.Subject), true)}
	for _, line := range chatLines(m, func(s string) string { return "**" + s + "**" }, escape) {
		body = append(body, block(line, false))
	}
	card := object{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body}
	if m.URL != "" {
		card["actions"] = []object{{"type": "Action.OpenUrl", "title": m.words.t("open-pages", nil), "url": m.URL}}
	}
	return object{"type": "message", "attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}}
}

// slackMessage is a message for an incoming webhook of Slack.
func slackMessage(m Message) object {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	lines := append([]string{"*" + escape(m.Subject) + "*"}, chatLines(m, func(s string) string { return "*" + s + "*" }, escape)...)
	if m.URL != "" {
		lines = append(lines, "<"+m.URL+"|"+escape(m.words.t("open-pages", nil))+">")
	}
	blocks := make([]object, len(lines))
	for i, line := range lines {
		blocks[i] = object{"type": "section", "text": object{"type": "mrkdwn", "text": line}}
	}
	return object{"text": escape(m.Subject), "blocks": blocks}
}
