package balance

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// xbrlContext is what a fact is about: an entity, a period, and members of
// dimensions.
type xbrlContext struct {
	start, end Date   // start is zero for an instant
	members    string // sorted, such as "bas:m73 part:m8"; without prd
	prd        byte   // '1' current, '2' previous, 0 not said
	social     bool   // has part:m8, the social balance
	entity     int    // place in the list of entities
	used       bool   // some fact refers to it
}

// socialMember is the member that every fact of a social balance has.
const socialMember = "part:m8"

// context reads what facts refer to.
func (in *instance) context() error {
	c := &xbrlContext{}
	id, at := string(bytes.TrimSpace(in.attr("id"))), in.at
	in.members = in.members[:0]
	for depth := in.depth; in.depth >= depth; {
		e, _, err := in.event()
		if err == nil && e == xmlStart {
			err = in.contextPart(c)
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(in.members)
	in.key = in.key[:0]
	for _, m := range in.members {
		switch m {
		case "prd:m1":
			c.prd = '1'
			continue
		case "prd:m2":
			c.prd = '2'
			continue
		case socialMember:
			c.social = true
		}
		if len(in.key) > 0 {
			in.key = append(in.key, ' ')
		}
		in.key = append(in.key, m...)
	}
	if _, about := in.table.about[string(in.key)]; !about && !c.social && len(in.key) > 0 {
		c = nil
	} else {
		c.members = string(in.key)
	}
	if _, double := in.contexts[id]; double {
		return at.fault("two contexts have the same id")
	}
	in.contexts[id] = c
	size := 2*32 + len(id)
	if c != nil {
		size += 128 + len(c.members)
	}
	return in.reserve(size)
}

// contextPart reads one element within a context.
func (in *instance) contextPart(c *xbrlContext) error {
	const maxMembers = 100 // there are some forty dimensions
	if len(in.members) == maxMembers {
		return in.at.fault("a context has too many members")
	}
	switch part := in.name.local; part {
	case "entity", "period", "segment", "scenario":
		return nil // what matters is within
	case "identifier", "startDate", "endDate", "instant", "explicitMember":
		dimension := in.intern(in.attr("dimension"))
		value, err := in.content()
		if err != nil {
			return err
		}
		switch part {
		case "identifier":
			c.entity = in.entity(value)
		case "startDate":
			c.start = xbrlDate(string(value), false)
		case "endDate", "instant":
			c.end = xbrlDate(string(value), true)
		default:
			in.members = append(in.members, in.member(dimension, value))
		}
		return nil
	case "typedMember":
		name, _ := in.meaning(bytes.TrimSpace(in.attr("dimension")), true)
		if name.space != nsDimension {
			name.local = "{" + clip(name.space) + "}" + name.local
		}
		in.members = append(in.members, clip(name.local)+":*")
		return in.skip()
	default:
		// Any other content limits what the fact is about; it must not be
		// taken for a figure of the whole entity.
		in.members = append(in.members, clip(part))
		return in.skip()
	}
}

// member spells a member by its meaning: bas:m73 for member m73 of the domain
// bas on the dimension bas, whatever the prefixes of the document. Any other
// combination is written in full, so that it equals nothing that is known.
func (in *instance) member(dimension string, value []byte) string {
	local := len(in.bound) > 0 && in.bound[len(in.bound)-1].depth > 1 // prefixes of their own
	in.key = append(append(append(in.key[:0], dimension...), ' '), value...)
	if m, ok := in.spelled[string(in.key)]; ok && !local {
		return m
	}
	d, _ := in.meaning([]byte(strings.TrimSpace(dimension)), true)
	v, _ := in.meaning(value, true)
	m := "{" + clip(d.space) + "}" + clip(d.local) + "={" + clip(v.space) + "}" + clip(v.local)
	if d.space == nsDimension && v.space == nsDomain+d.local {
		m = clip(d.local) + ":" + clip(v.local)
	}
	if !local && len(in.spelled) < maxInterned {
		in.spelled[string(in.key)] = m
	}
	return m
}

// whole reports whether a context is about all of an entity, at a time that is
// known.
func (c *xbrlContext) whole(entity int) bool {
	return c.members == "" && c.entity == entity && !c.end.IsZero()
}

// isPart reports whether a context is about less than the whole period that ends
// on its last day, such as a quarter.
func (in *instance) isPart(c *xbrlContext) bool {
	return !c.start.IsZero() && c.start != in.calendar.start(c.end)
}

// spell writes the members of a context for a person.
func (c *xbrlContext) spell() string {
	s := strings.ReplaceAll(c.members, " ", ", ")
	if c.prd != 0 {
		s += ", prd:m" + string(c.prd)
	}
	const most = 400
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// xbrlDate reads a date or a date with a time. XBRL 2.1 (4.7.2) takes the
// midnight at which a period ends as the end of the day before. Midnight may be
// written as hour 24 of the day before (XML Schema, 3.2.7), or in another zone,
// as programs do that write the midnight of Brussels in UTC. What cannot be read
// is the zero Date.
func xbrlDate(s string, end bool) Date {
	day, clock, timed := strings.Cut(s, "T")
	if !timed && len(s) > len(time.DateOnly) {
		day = s[:len(time.DateOnly)] // a time zone, as 2024-12-31Z or 2024-12-31+01:00
	}
	d, err := ParseDate(day)
	switch {
	case err != nil:
		return Date{}
	case !timed:
		return d
	case strings.HasPrefix(clock, "24:00:00"):
		d, clock = d.AddDays(1), "00:00:00"
	case !strings.HasPrefix(clock, "00:00:00") && !strings.HasPrefix(clock, "23:59:59"):
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			t = inBrussels(t)
			d, clock = DateOf(t), t.Format(time.TimeOnly)
		}
	}
	if end && strings.HasPrefix(clock, "00:00:00") {
		return d.AddDays(-1)
	}
	return d
}

// inBrussels returns a time as the clocks in Belgium show it. They are an hour
// ahead of UTC, and two from the last Sunday of March to that of October, each
// at 1:00 UTC (directive 2000/84/EC). The package reads no zone files.
func inBrussels(t time.Time) time.Time {
	t = t.UTC()
	change := func(m time.Month) time.Time {
		last := time.Date(t.Year(), m, 31, 1, 0, 0, 0, time.UTC)
		return last.AddDate(0, 0, -int(last.Weekday()))
	}
	ahead := time.Hour
	if !t.Before(change(time.March)) && t.Before(change(time.October)) {
		ahead *= 2
	}
	return t.Add(ahead)
}
