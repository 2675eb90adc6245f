package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"balansd/internal/clip"
	"balansd/ledger"
)

// Message is one message, in the language of its channel.
type Message struct {
	ID     string // the same when it is sent again after a kill
	At     time.Time
	Test   bool
	Host   string
	URL    string // of the pages; may be empty
	New    []Item
	Open   []Item // told before, and still so
	Solved []Item

	Subject string
	words   *words
}

// Item is one thing to tell: balances that need a person for the same reason, or one
// condition of another kind.
type Item struct {
	Kind   ledger.ConditionKind
	Reason string
	Role   ledger.Role
	Name   string // of the firm or connection
	Count  int
	Since  time.Time
	Text   string // a sentence
	Next   string // what to do, a sentence; empty where the page says it
	URL    string // of the page that shows it; empty where there are no pages
	Links  []Link // to single balances, at most maxLinks
}

// Link leads to one balance.
type Link struct {
	Number string
	Client string // empty unless clients may be named
	URL    string
}

// maxLinks is how many balances of an item are named.
const maxLinks = 5

// message makes the message that a channel is to get.
func (n *Notifier) message(c Channel, rec record) Message {
	w := n.words[c.Language]
	fresh, solved := rec.changes()
	m := Message{At: n.cfg.Now(), Host: n.cfg.Host, URL: n.cfg.URL, words: w,
		New: n.items(w, fresh, true), Open: n.items(w, without(rec.Current, fresh), true), Solved: n.items(w, solved, false)}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, c.ID, rec.Sent)
	for _, list := range [][]ledger.Condition{rec.Current, rec.Told} {
		for _, k := range list {
			_, _ = fmt.Fprintln(sum, k.ID())
		}
	}
	m.ID = hex.EncodeToString(sum.Sum(nil)[:16])
	m.Subject = w.subject(m)
	return m
}

// items groups conditions: balances by kind and reason, in the order of the list, after
// all else.
func (n *Notifier) items(w *words, list []ledger.Condition, links bool) (items []Item) {
	at := map[string]int{}
	for _, c := range list {
		key := c.ID()
		if c.Kind.OfBalance() {
			key = string(c.Kind) + " " + c.Reason
		}
		i, ok := at[key]
		if !ok {
			i = len(items)
			at[key] = i
			items = append(items, Item{Kind: c.Kind, Reason: c.Reason, Role: c.Role, Name: clip.Line(c.Name), Since: c.Since, URL: n.page(c)})
		}
		items[i].Count++
		if c.Kind.OfBalance() && len(items[i].Links) < maxLinks && links {
			items[i].Links = append(items[i].Links, Link{Number: c.Subject, Client: clip.Line(c.Client), URL: n.address(c.Path)})
		}
		items[i].Text, items[i].Next = w.item(items[i], c)
	}
	slices.SortStableFunc(items, func(a, b Item) int {
		switch {
		case a.Kind.OfBalance() == b.Kind.OfBalance():
			return 0
		case b.Kind.OfBalance():
			return -1
		}
		return 1
	})
	return items
}

// page returns the address of the page that shows a condition; of balances it is their
// list.
func (n *Notifier) page(c ledger.Condition) string {
	switch c.Kind {
	case ledger.BalanceWaits:
		return n.address("/dossiers?state=waiting")
	case ledger.BalanceDiffers:
		return n.address("/decisions")
	case ledger.BalanceFailed, ledger.BalanceParked:
		return n.address("/dossiers?state=failed")
	}
	return n.address(c.Path)
}

func (n *Notifier) address(path string) string {
	if n.cfg.URL == "" {
		return ""
	}
	return n.cfg.URL + path
}
