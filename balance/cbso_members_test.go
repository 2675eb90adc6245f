package balance_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// heading are the columns of a table of members.
const heading = "code\tmetric\tprd\tmembers\tsource\n"

func TestParseMembersTellsEveryMistake(t *testing.T) {
	for name, c := range map[string]struct {
		table string
		want  []string
	}{
		"empty":        {"", []string{"own.tsv: the table names no columns"}},
		"no rows":      {"# a comment\n\n" + heading, []string{"own.tsv: the table has no rows"}},
		"no heading":   {"# a comment\n1003\tdec1\tdated\tpart:m8\tknown\n", []string{"own.tsv:2: the columns must first be named, separated by tabs: code, metric, prd, members, source"}},
		"spaces":       {"code metric prd members source\n", []string{"own.tsv:1: the columns must first be named, separated by tabs: code, metric, prd, members, source"}},
		"replace late": {heading + "replace\n", []string{"own.tsv:2: a row has 5 columns, separated by tabs, not 1"}},
		"not UTF-8":    {heading + "\xff", []string{"own.tsv: the table is not UTF-8"}},
		"too large":    {strings.Repeat("#\n", 3<<20), []string{"own.tsv: the table is larger than 4 MiB"}},
		"code":         {heading + "1311\tdec1\tdated\tpart:m8\tknown\n", []string{`own.tsv:2: "1311" is no rubric of the social balance, nor one of name, enterprise_number, start, end, correction, joint_committee, personnel_costs`}},
		"metric":       {heading + "1003\t{x}\tdated\tpart:m8\tknown\n", []string{`own.tsv:2: "{x}" is no metric, such as int3 or jcc-enum:list1`}},
		"prd":          {heading + "1003\tdec1\tyes\tpart:m8\tknown\n", []string{`own.tsv:2: prd is dated or -, not "yes"`}},
		"source":       {heading + "1003\tdec1\tdated\tpart:m8\tguess\n", []string{`own.tsv:2: source is known or inferred, not "guess"`}},
		"member":       {heading + "1003\tdec1\tdated\tpart:m8 bas\tknown\n", []string{`own.tsv:2: "bas" is no member, such as bas:m73, or open:* for any typed one`}},
		"prd in set":   {heading + "1003\tdec1\tdated\tpart:m8 prd:m1\tknown\n", []string{"own.tsv:2: prd is not among the members: it tells the years apart"}},
		"dimension":    {heading + "1003\tdec1\tdated\tpart:m8 bas:m1 bas:m2\tknown\n", []string{"own.tsv:2: the dimension bas is there twice"}},
		"not social":   {heading + "1003\tdec1\tdated\tbas:m73\tknown\n", []string{"own.tsv:2: the members of a rubric have part:m8, the social balance"}},
		"the same twice": {heading + "1003\tdec1\tdated\tpart:m8 bas:m73\tknown\n# x\n1002\tdec1\tdated\tbas:m73 part:m8\tknown\n",
			[]string{"own.tsv:4: the metric and the members are those of line 2"}},
		"several": {heading + "1003\t\tx\tpart:m8\tknown\r\nx\tint3\t-\tbas:m1\tknown\r\n1\t2\r\n", []string{
			`own.tsv:2: "" is no metric, such as int3 or jcc-enum:list1`, `own.tsv:2: prd is dated or -, not "x"`,
			`own.tsv:3: "x" is no rubric of the social balance, nor one of name, enterprise_number, start, end, correction, joint_committee, personnel_costs`,
			"own.tsv:4: a row has 5 columns, separated by tabs, not 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, mistakes := balance.ParseMembers("own.tsv", []byte(c.table))
			var got []string
			for _, e := range mistakes {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(c.want, got); diff != "" || m != nil {
				t.Errorf("members %v (-want +got)\n%s", m, diff)
			}
		})
	}
	if _, mistakes := balance.ParseMembers("own.tsv", []byte(heading+strings.Repeat("x\n", 1000))); len(mistakes) != 100 {
		t.Errorf("%d mistakes are told", len(mistakes))
	}
}

// The table that balansd ships is one that it would take.
func TestOwnMembersAreWellFormed(t *testing.T) {
	own, err := os.ReadFile("cbso.tsv")
	if err != nil {
		t.Fatal(err)
	}
	members, mistakes := balance.ParseMembers("cbso.tsv", append([]byte("replace\n"), own...))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	reader := balance.NewReader(balance.ReaderOptions{Members: members})
	for name, data := range documents(t) {
		got, err := reader.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mustRead(t, data), got); diff != "" {
			t.Errorf("%s: (-built in +the same as a file)\n%s", name, diff)
		}
	}
	inferred := map[string]bool{}
	for _, r := range balance.Rubrics() {
		if r.CBSO.Inferred {
			inferred[r.Code] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"3123": true, "3131": true}, inferred); diff != "" {
		t.Errorf("other rubrics are inferred than the two of which no model was seen (-want +got)\n%s", diff)
	}
}

func TestMembersOfAFirm(t *testing.T) {
	abbreviated, full := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "cbso-25.0-m82-full.xbrl")
	odd := strings.ReplaceAll(abbreviated, "typ:m16<", "typ:m99<") // rows 1001 to 1003
	const average = "1003\tdec1\tdated\tbas:m73, gdr:m1, part:m8 typ:m99 wkr:m1 wrg:m3\tknown\n"
	const certain = "3131\tint3\t-\tbas:m73 epc:m4 mdp:m20 part:m8 wkr:m1 wrg:m1\tknown\n"
	const swapped = "3132\tint3\t-\tbas:m73 epc:m4 mdp:m20 part:m8 wkr:m1 wrg:m1\tknown\n"
	read := func(table, doc string) *balance.Balance {
		t.Helper()
		members, mistakes := balance.ParseMembers("own.tsv", []byte(table))
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		b, err := balance.NewReader(balance.ReaderOptions{Members: members}).Read([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	has := func(b *balance.Balance, code string) bool { _, ok := b.Values[balance.Cell{Code: code}]; return ok }

	built := mustRead(t, []byte(odd))
	if has(built, "1003") || !has(built, "1023") {
		t.Fatalf("the document does not show what a table adds: %v", built.Values)
	}
	if b := read(heading+average, odd); !has(b, "1003") || has(b, "1002") || !has(b, "1023") {
		t.Errorf("a table that extends gives %v", b.Values)
	}
	if b := read(heading+average, abbreviated); !has(b, "1003") {
		t.Error("a table that extends takes a known row away")
	}
	if b := read("# ours\nreplace\n"+heading+average, odd); !has(b, "1003") || has(b, "1023") || len(b.Values) != 2 {
		t.Errorf("a table that replaces gives %v", b.Values)
	}
	cell := balance.Cell{Code: "3131"}
	before, b := mustRead(t, []byte(full)), read(heading+certain, full)
	if len(b.Inferred) != len(before.Inferred)-1 || !b.Values[cell].Equal(before.Values[cell]) {
		t.Errorf("a row that confirms an inferred one gives %v, inferred %v", b.Values[cell], b.Inferred)
	}
	b = read(heading+swapped, full)
	if !b.Values[balance.Cell{Code: "3132"}].Equal(before.Values[cell]) || has(b, "3131") {
		t.Errorf("a row does not take the place of an inferred one for another rubric: %v", b.Values)
	}
	for _, f := range before.Findings {
		if f.Rule == "inferred" && len(f.Codes) == len(before.Inferred) {
			return
		}
	}
	t.Errorf("nothing says that %v are inferred: %v", before.Inferred, before.Findings)
}

func FuzzMembers(f *testing.F) {
	own, err := os.ReadFile("cbso.tsv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("replace\r\n" + heading + "1003\tdec1\tdated\tbas:m73 part:m8\tknown\r\n"))
	f.Add([]byte(heading + "joint_committee\tjcc-enum:list1\t-\tbas:m110 open:* part:m8\tknown\nx\ty"))
	doc := document(f, "cbso-25.0-m07-micro.xbrl")
	f.Fuzz(func(t *testing.T, table []byte) {
		members, mistakes := balance.ParseMembers("own.tsv", table)
		if (members == nil) != (len(mistakes) > 0) {
			t.Fatalf("%v and %v", members, mistakes)
		}
		for _, m := range mistakes {
			if strings.ContainsAny(m.Error(), "\r\n") {
				t.Fatalf("%q is not one line", m.Error())
			}
		}
		if members == nil {
			return
		}
		// A table may say that a text is a figure; then the document is refused.
		var known *balance.ReadError
		if _, err := balance.NewReader(balance.ReaderOptions{Members: members}).Read([]byte(doc)); err != nil && !errors.As(err, &known) {
			t.Fatal(err)
		}
	})
}
