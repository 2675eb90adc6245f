package mapping

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"balansd/balance"
	"balansd/problem"
)

func TestMappingRoundTrip(t *testing.T) {
	texts := []string{"1001", "1003", "1003P", "1021", "1021P", "1203", "12031", "5801", "58011"}
	rapid.Check(t, func(t *rapid.T) {
		target := Target{
			Namespace: rapid.StringMatching(`[a-z_]{1,8}`).Draw(t, "namespace"),
			Key: rapid.StringMatching(`[a-z0-9_]{0,4}`).Draw(t, "before") + codeMark +
				rapid.StringMatching(`[a-z0-9_]{0,4}`).Draw(t, "after"),
			KeyPrevious: rapid.SampledFrom([]string{"", "{code}", "{code}p", "{code}1", "r{code}_n1"}).Draw(t, "previous"),
			Map:         rapid.MapOfN(rapid.SampledFrom(texts), rapid.StringMatching(`([a-z]{1,3}\.)?[a-z_]{1,4}(1003P?|1021)?`), 0, 4).Draw(t, "map"),
		}.WithDefaults()
		if target.Validate() != nil {
			return
		}
		for _, text := range texts {
			c, err := balance.ParseCell(text)
			if err != nil {
				continue
			}
			p, ok := target.Property(c)
			if back, found := target.Cell(p); !ok || !found || back != c {
				t.Fatalf("%s goes to %v and comes back as %v", c, p, back)
			}
		}
	})
}

func TestMappingDefaults(t *testing.T) {
	target := Target{}.WithDefaults()
	c := balance.Cell{Code: "1003", Previous: true}
	if p, ok := target.Property(c); !ok || p != (Property{"social_balance_integration", "code_1003P"}) {
		t.Errorf("%v", p)
	}
	for _, p := range []Property{{"other", "code_1003"}, {"social_balance_integration", "code_1311"},
		{"social_balance_integration", "code_"}, {"social_balance_integration", "xcode_1003"}, {}} {
		if c, ok := target.Cell(p); ok {
			t.Errorf("%v is %s", p, c)
		}
	}
	previous := Target{Key: "r{code}_n", KeyPrevious: "r{code}_n1"}.WithDefaults()
	for cell, key := range map[balance.Cell]string{{Code: "1003"}: "r1003_n", c: "r1003_n1"} {
		if p, ok := previous.Property(cell); !ok || p.Key != key {
			t.Errorf("%s goes to %v", cell, p)
		}
	}
	if c, ok := previous.Cell(Property{"social_balance_integration", "r1001_n1"}); ok {
		t.Errorf("%s has no previous year", c)
	}
	only := Target{Map: map[string]string{"1003": "a.b"}}.WithDefaults()
	if _, ok := only.Property(balance.Cell{Code: "1021"}); ok {
		t.Error("a map alone leaves the other rubrics out")
	}
}

func TestMappingMistakes(t *testing.T) {
	for want, target := range map[string]Target{
		"level: \"account\" is not known":                    {Level: "account"},
		"handle: is missing":                                 {Level: LevelReconciliation},
		"level: a handle or require_starred":                 {Handle: "x"},
		"namespace":                                          {Namespace: "a b"},
		"cannot be a namespace":                              {Namespace: "a.b"},
		"does not hold {code} once":                          {Key: "code"},
		"key_previous: \"{code}{code}\" does not hold":       {KeyPrevious: "{code}{code}"},
		"key_previous: gives the rubrics 1003 and 1003P":     {Key: "{code}", KeyPrevious: "{code}"},
		"key_previous: gives the rubrics 1003P and 10031":    {Key: "{code}", KeyPrevious: "{code}1"},
		"is not a rubric":                                    {Map: map[string]string{"1311": "a.b"}},
		"names no property":                                  {Map: map[string]string{"1003": "a."}},
		"map.1021: shares the property a.b with rubric 1003": {Map: map[string]string{"1003": "a.b", "1021": "a.b"}},
		"map.1003: shares the property social_balance_integration.code_1021 with rubric 1021": {Key: "code_{code}", Map: map[string]string{"1003": "code_1021"}},
	} {
		err := target.Validate()
		if !problem.Is(err, problem.ConfigInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	swapped := Target{Key: "{code}", Map: map[string]string{"1003": "1021", "1021": "1003"}}
	if err := swapped.Validate(); err != nil {
		t.Errorf("two rubrics that change places: %v", err)
	}
}
