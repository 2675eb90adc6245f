package silverfin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/internal/clip"
)

const (
	// perPage is the page size that Silverfin documents as its default. A page may
	// have fewer items.
	perPage = 200
	// maxPages bounds a list, 200,000 items, so that a server that never ends a
	// list cannot block a run.
	maxPages = 1000
	// maxWalks bounds how often a list is read until two readings agree.
	maxWalks = 5
)

// listPage is what one call for a page of a list gave.
type listPage []json.RawMessage

// getter makes a read: Firm.do, or Firm.get for who has the turn.
type getter func(context.Context, call) ([]byte, error)

// list reads a list until its end, or until enough returns true for a page; enough may
// be nil. It returns the pages with the one that ended the list, which is empty unless
// the server repeats itself.
//
// Pages are numbered, so an item that is removed meanwhile moves another one to a page
// that was read already. A list that may have more than one page is therefore read
// until two readings in a row have the same items.
func (f *Firm) list(ctx context.Context, get getter, c call, enough func(listPage) bool) ([]listPage, error) {
	var before []string
	for range maxWalks {
		pages, names, done, err := f.walk(ctx, get, c, enough)
		short := len(names) == 0 || len(pages) <= 2 && len(pages[0]) < perPage && !c.confirm
		if err != nil || done || short || slices.Equal(names, before) {
			return pages, err
		}
		before = names
	}
	return nil, f.unable(c, "its list changed each time it was read")
}

// walk reads a list once. It also returns the names of its items, and whether enough
// ended it.
func (f *Firm) walk(ctx context.Context, get getter, c call, enough func(listPage) bool) (pages []listPage, names []string, done bool, err error) {
	seen := map[string]bool{}
	for n := 1; n <= maxPages; n++ {
		items, err := f.page(ctx, get, c, n)
		if err != nil {
			return nil, nil, false, err
		}
		pages = append(pages, items)
		fresh := false
		for _, item := range items {
			name := itemName(item)
			names = append(names, name)
			fresh, seen[name] = fresh || !seen[name], true
		}
		switch {
		case len(items) == 0:
			return pages, names, false, nil
		case !fresh:
			f.client.cfg.Log.Warn().Int64("firm", f.id).Str("doing", c.doing).Int("page", n).
				Msg("a list of Silverfin repeats a page and is ended there")
			return pages, names, false, nil
		case enough != nil && enough(items):
			return pages, names, true, nil
		}
	}
	return nil, nil, false, f.unable(c, "its list does not end")
}

// page reads one page of a list.
func (f *Firm) page(ctx context.Context, get getter, c call, n int) (listPage, error) {
	c.query = url.Values{"page": {fmt.Sprint(n)}, "per_page": {fmt.Sprint(perPage)}}
	body, err := get(ctx, c)
	if err != nil {
		return nil, err
	}
	var items listPage
	if err := f.decode(c, body, &items); err != nil {
		return nil, err
	}
	return items, nil
}

// itemName identifies an item in a list: by its id, or by namespace and key.
func itemName(item json.RawMessage) string {
	r := readRecord(item)
	if id, ok := valueText(r["id"]); ok {
		return id
	}
	key, ok := valueText(r["key"])
	if !ok {
		return string(item)
	}
	namespace, _ := valueText(r["namespace"])
	return namespace + "." + key
}

// record is one item of a list, field by field. It is decoded leniently: one malformed
// item must not make the others unusable.
type record map[string]json.RawMessage

// readRecord returns the fields of an item; none when it is no object.
func readRecord(item json.RawMessage) record {
	r := record{}
	_ = json.Unmarshal(item, &r) // what is no object has no fields
	return r
}

// id returns the item's id, a number that may be written as a text.
func (r record) id() (int64, bool) {
	text, _ := valueText(r["id"])
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n > 0
}

// words returns a field in words, whatever its shape.
func (r record) words(field string) string {
	var v any
	_ = json.Unmarshal(r[field], &v) // what is no JSON has no words
	return jsonText(v)
}

// label names an item that cannot be used, for people.
func (r record) label() string {
	id, ok := valueText(r["id"])
	if !ok {
		id = "none"
	}
	text := fmt.Sprintf("id %.40q", id)
	if name := clip.Line(r.words("name")); name != "" {
		text += " (" + name + ")"
	}
	return text
}

// parseDay reads a date that may come with a time. Midnight in Belgium that is
// written in UTC, 22:00 or 23:00, belongs to the day that begins then.
func parseDay(text string) (balance.Date, bool) {
	text = strings.TrimSpace(text)
	day, rest := text, ""
	if len(text) > len(time.DateOnly) && strings.ContainsRune("T ", rune(text[len(time.DateOnly)])) {
		day, rest = text[:len(time.DateOnly)], text[len(time.DateOnly):]
	}
	d, err := balance.ParseDate(day)
	if err != nil {
		return balance.Date{}, false
	}
	if at, err := time.Parse(time.RFC3339, day+"T"+strings.TrimLeft(rest, "T ")); err == nil {
		_, offset := at.Zone()
		if at = at.UTC(); offset == 0 && (at.Hour() == 22 || at.Hour() == 23) && at.Minute() == 0 && at.Second() == 0 {
			return d.AddDays(1), true
		}
	}
	return d, true
}
