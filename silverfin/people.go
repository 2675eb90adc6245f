package silverfin

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"balansd/administration"
	"balansd/problem"
)

// directorWords find the function of a director in the words of any of the languages.
var directorWords = regexp.MustCompile(`(?i)director|bestuurder|zaakvoerder|administrat|g[eé]rant|verwalter|gesch[aä]ftsf[uü]hrer|board`)

// People lists the directors of a company. known is false where the answer does not say who
// is a director, or Silverfin does not offer the list.
//
// Silverfin names this call and publishes neither its path nor its shape, so that both are
// read leniently: a list of people, each with a name and with a field that says what he or
// she is. The call that changes them may replace all of them, and is never made.
func (f *Firm) People(ctx context.Context, company int64) (directors []administration.Person, known bool, err error) {
	c := call{path: fmt.Sprintf("/companies/%d/people", company), doing: "listing the people of the company", scope: "administration:read", company: company}
	body, err := f.do(ctx, c)
	if problem.Is(err, problem.SilverfinRefused) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var items []json.RawMessage
	if json.Unmarshal(body, &items) != nil {
		return nil, false, nil
	}
	known = len(items) == 0
	for _, item := range items {
		r := readRecord(item)
		function, director, says := functionOf(r)
		known = known || says
		if p := personOf(r); director && p.FullName() != "" {
			p.Function = function
			directors = append(directors, p)
		}
	}
	return directors, known, nil
}

// functionOf returns what a person is, whether that is a director, and whether the item
// says so at all.
func functionOf(r record) (function string, director, says bool) {
	for _, field := range []string{"function", "role", "roles", "type", "position"} {
		text := r.words(field)
		if text == "" {
			continue
		}
		says = true
		if directorWords.MatchString(text) {
			return text, true, true
		}
	}
	if _, has := r["director"]; has {
		return "", truthy(r["director"]), true
	}
	return "", false, says
}

// personOf reads the name of a person, and the days of the mandate.
func personOf(r record) administration.Person {
	p := administration.Person{Name: strings.TrimSpace(r.words("name")), FirstName: strings.TrimSpace(r.words("first_name"))}
	if last := strings.TrimSpace(r.words("last_name")); last != "" {
		p.Name = last
	} else {
		p.FirstName = "" // the name is the whole one
	}
	p.From, _ = parseDay(r.words("start_date"))
	p.Until, _ = parseDay(r.words("end_date"))
	return p
}
