package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"balansd/cli"
	"balansd/config"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// manualsOf lists a manual in its languages, English first.
func manualsOf(name string) []string {
	return []string{"docs/" + name + ".md", "docs/" + name + ".nl.md", "docs/" + name + ".fr.md"}
}

func readManual(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rowsOf returns the cells of every row of a table, without those that name the
// columns and the lines below them.
func rowsOf(text string) [][]string {
	var rows [][]string
	for _, table := range tablesOf(text) {
		rows = append(rows, table[2:]...)
	}
	return rows
}

// tablesOf returns the tables of a text, each with all its lines.
func tablesOf(text string) [][][]string {
	var tables [][][]string
	inside := false
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "|-") {
			inside = false
			continue
		}
		if !inside {
			tables = append(tables, nil)
			inside = true
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], cells)
	}
	return tables
}

// TestManualsListEveryEventAndExitCode compares the tables of the manuals with those of
// the program: each id must be there, with the right meaning.
func TestManualsListEveryEventAndExitCode(t *testing.T) {
	want := map[string][]string{}
	exits := map[string]bool{"0": true}
	for _, c := range problem.Codes() {
		id, exit := strconv.Itoa(int(c.EventID())), strconv.Itoa(c.ExitCode())
		want[id] = []string{"`" + string(c) + "`", exit}
		exits[exit] = true
	}
	for _, n := range problem.Notices() {
		want[strconv.Itoa(int(n))] = []string{"—", "—"}
	}
	number := regexp.MustCompile(`^\d+$`)
	for _, file := range manualsOf("it-admin") {
		got, gotExits := map[string][]string{}, map[string]bool{}
		for _, row := range rowsOf(readManual(t, file)) {
			switch {
			case !number.MatchString(row[0]):
			case len(row) == 2:
				gotExits[row[0]] = true
			case len(row) == 5:
				if got[row[0]] != nil {
					t.Errorf("%s has two rows for event %s", file, row[0])
				}
				got[row[0]] = row[1:3]
				if row[3] == "" || row[4] == "" {
					t.Errorf("%s says nothing about event %s", file, row[0])
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, the events (-program +manual):\n%s", file, diff)
		}
		if diff := cmp.Diff(exits, gotExits); diff != "" {
			t.Errorf("%s, the exit codes (-program +manual):\n%s", file, diff)
		}
	}
}

// TestManualsListEverySetting compares the tables of settings with the example and the
// defaults.
func TestManualsListEverySetting(t *testing.T) {
	if filepath.Separator != '/' {
		t.Skip("the manuals show the paths of Linux as defaults")
	}
	want := defaultsOf(t)
	for _, file := range manualsOf("csm") {
		got := map[string]string{}
		for _, row := range rowsOf(readManual(t, file)) {
			key := strings.Trim(row[0], "`")
			if _, known := want[key]; len(row) != 4 || !known && !strings.Contains(key, ".") {
				continue
			}
			if got[key] != "" {
				t.Errorf("%s explains %s twice", file, key)
			}
			got[key] = strings.Trim(row[1], "`")
			if row[2] == "" || row[3] == "" {
				t.Errorf("%s says too little about %s", file, key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, the settings (-program +manual):\n%s", file, diff)
		}
	}
}

// defaultsOf lists every setting with its default, a dash for none. An item of a
// list of sections is as folders[].path.
func defaultsOf(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	text := regexp.MustCompile(`(?m)^( *)#([^ \n])`).ReplaceAllString(string(readFile(t, "config.example.yaml")), "$1$2")
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	exampleKeys(doc.Content[0], "", all)
	// The smallest configuration in which the lists of sections have an item.
	file := filepath.Join(t.TempDir(), "balansd.yaml")
	items := "folders: [{name: a, path: /}]\ndossiers: [{connection: a, dossier: b, enterprise_number: 0402.206.045}]\n"
	if err := os.WriteFile(file, []byte(items), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.LoadOptions{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	index := regexp.MustCompile(`\[\d+\]`)
	for _, s := range c.Settings() {
		key := index.ReplaceAllString(s.Key, "[]")
		if list := strings.TrimSuffix(key, "[]"); list != key {
			key = list
			if all[key] != "—" {
				s.Value = all[key] + ", " + s.Value
			}
		}
		given := regexp.MustCompile(`^(folders\[\]\.(name|path)|dossiers\[\]\.(connection|dossier|enterprise_number))$`)
		if s.Value == "" || given.MatchString(key) || strings.HasPrefix(key, "dossiers[]") && s.Value == "0" {
			s.Value = "—"
		}
		all[key] = s.Value
	}
	return all
}

// exampleKeys adds the settings of the example, without their values.
func exampleKeys(n *yaml.Node, key string, into map[string]string) {
	switch {
	case key == "silverfin.target.map" || key == "administration.adminpulse.fields" || key == "administration.lists[].columns" || key == "silverfin.firms[].target" || n.Kind == yaml.ScalarNode:
		into[key] = "—"
	case n.Kind == yaml.SequenceNode && n.Content[0].Kind == yaml.MappingNode:
		exampleKeys(n.Content[0], key+"[]", into)
	case n.Kind == yaml.SequenceNode:
		into[key] = "—"
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			exampleKeys(n.Content[i+1], strings.TrimPrefix(key+"."+n.Content[i].Value, "."), into)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fenced finds the blocks of code in a text.
var fenced = regexp.MustCompile("(?ms)^ *```[a-z]*\n(.*?)^ *```$")

// commandsIn lists the calls of balansd that a text prints, in blocks of code
// and in sentences.
func commandsIn(text string) [][]string {
	var lines []string
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	// A command in a sentence may continue on the next line.
	prose := strings.Join(strings.Fields(fenced.ReplaceAllString(text, "")), " ")
	for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(prose, -1) {
		lines = append(lines, span[1])
	}
	call := regexp.MustCompile(`^\s*(?:\$ )?(?:sudo )?(?:\./|\.\\)?balansd(?:\.exe)? +([a-z].*)$`)
	var found [][]string
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " #")
		if m := call.FindStringSubmatch(line); m != nil {
			found = append(found, strings.Fields(m[1]))
		}
	}
	return found
}

func commandTree() *cobra.Command {
	return cli.Root(cli.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
}

// TestManualsPrintCommandsThatExist parses each command in the documents for people as the
// program does: command, flags, number of arguments.
func TestManualsPrintCommandsThatExist(t *testing.T) {
	files := slices.Concat(manualsOf("it-admin"), manualsOf("csm"), []string{"README.md"})
	for _, file := range files {
		calls := commandsIn(readManual(t, file))
		if len(calls) == 0 {
			t.Errorf("%s prints no command", file)
		}
		for _, args := range calls {
			c, rest, err := commandTree().Find(args)
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: balansd %s: %v", file, strings.Join(args, " "), err)
			}
		}
	}
}

// TestManualsShowSettingsThatAreRead reads each piece of configuration in the manuals. A
// piece need not be complete.
func TestManualsShowSettingsThatAreRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secrets/finbox.key", "secrets/silverfin.secret", "secrets/client.key", "secrets/portal.key", "secrets/proxy.password", "secrets/oidc.secret", "secrets/mail.password",
		"company-ca.pem", "client.crt", "portal.crt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("made up"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"secrets/teams.url", "secrets/heartbeat.url"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("https://made-up.example/x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	incomplete := regexp.MustCompile(`is missing|no client secret is set|neither a private key|holds no certificate`)
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	for _, file := range slices.Concat(manualsOf("it-admin"), manualsOf("csm")) {
		blocks := block.FindAllStringSubmatch(readManual(t, file), -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no configuration", file)
		}
		for _, m := range blocks {
			path := filepath.Join(dir, "balansd.yaml")
			if err := os.WriteFile(path, []byte(m[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.Load(config.LoadOptions{Path: path})
			mistakes, wrong := errors.AsType[*config.Mistakes](err)
			if err != nil && !wrong {
				t.Errorf("%s: %v", file, err)
				continue
			}
			for i := 0; wrong && i < len(mistakes.List); i++ {
				if one := mistakes.List[i]; !incomplete.MatchString(one.What) {
					t.Errorf("%s: %s in\n%s", file, one, m[1])
				}
			}
		}
	}
}

func TestACommandThatIsNotThereIsFound(t *testing.T) {
	text := "`balansd service instal`\n```sh\nsudo balansd status --jsn  # x\n$ balansd ledger show\n```\n"
	calls := commandsIn(text)
	want := [][]string{{"status", "--jsn"}, {"ledger", "show"}, {"service", "instal"}}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Fatal(diff)
	}
	for _, args := range calls {
		c, rest, err := commandTree().Find(args)
		if err == nil && c.ParseFlags(rest) == nil && c.ValidateArgs(c.Flags().Args()) == nil {
			t.Errorf("balansd %v is taken for a command", args)
		}
	}
}

// shape returns what the languages of a manual have in common.
func shape(text string) []string {
	var lines []string
	for _, line := range strings.Split(fenced.ReplaceAllString(text, "(code)\n"), "\n") {
		if mark, _, heading := strings.Cut(line, "# "); heading && strings.Trim(mark, "#") == "" {
			lines = append(lines, mark+"#")
		}
		if strings.HasPrefix(line, "(code)") {
			lines = append(lines, "code")
		}
	}
	for _, table := range tablesOf(text) {
		lines = append(lines, fmt.Sprintf("table of %d rows, %d columns", len(table), len(table[0])))
	}
	for _, args := range commandsIn(text) {
		lines = append(lines, strings.Join(args, " "))
	}
	return lines
}

// TestManualsHaveOneShape checks that the languages have the same chapters, tables, code
// blocks and commands.
func TestManualsHaveOneShape(t *testing.T) {
	for _, name := range []string{"it-admin", "csm", "accountant"} {
		files := manualsOf(name)
		first := shape(readManual(t, files[0]))
		for _, file := range files[1:] {
			if diff := cmp.Diff(first, shape(readManual(t, file))); diff != "" {
				t.Errorf("%s (-English +translation):\n%s", file, diff)
			}
		}
	}
}

// wordsOfPages returns the messages of the web pages in a language, by their ids.
func wordsOfPages(t *testing.T, lang string) map[string]string {
	t.Helper()
	words := map[string]string{}
	var gather func(id string, of map[string]any)
	gather = func(id string, of map[string]any) {
		for key, value := range of {
			switch v := value.(type) {
			case map[string]any:
				gather(id+key+".", v)
			case string:
				words[id+key] = v
			}
		}
	}
	for _, file := range []string{"pages", "web", "people", "link", "bulk", "overview", "sheet"} {
		var all map[string]any
		if err := toml.Unmarshal(readFile(t, "portal/locale/"+file+"."+lang+".toml"), &all); err != nil {
			t.Fatal(err)
		}
		gather("", all)
	}
	return words
}

// casesOfPages returns the state of an entry for each reason, by message id. The test
// below fails if the pages have a message for a reason that is not here.
func casesOfPages() map[string]ledger.State {
	cases := map[string]ledger.State{
		string(ledger.BeforeActivation): ledger.Ignored, string(ledger.Dismissed): ledger.Ignored, string(ledger.NotListed): ledger.Ignored,
		string(ledger.Unreadable): ledger.Failed, string(ledger.Refused): ledger.Failed,
		string(ledger.NotEqual): ledger.Failed, string(ledger.Unavailable): ledger.Failed,
		"moved":                     ledger.Done, // and its figures are to be emptied
		"archived":                  ledger.Done, // and its dossier was set up anew
		string(ledger.InWholeEuros): ledger.Superseded,
	}
	for _, r := range ledger.Reasons() {
		cases[string(r)] = ledger.Waiting
	}
	for _, s := range ledger.States() {
		if s != ledger.Waiting && s != ledger.Failed && s != ledger.Ignored {
			cases[string(s)] = s
		}
	}
	return cases
}

// TestManualsForAccountantsUseTheWordsOfThePages compares the table of states, and
// everything in bold, with the messages of the pages, so that readers find the same words
// on the screen.
func TestManualsForAccountantsUseTheWordsOfThePages(t *testing.T) {
	cases := casesOfPages()
	bold := regexp.MustCompile(`\*\*([^*]+)\*\*`)
	for i, file := range manualsOf("accountant") {
		words := wordsOfPages(t, []string{"en", "nl", "fr"}[i])
		var want []string
		for id, title := range words {
			code, isCase := strings.CutPrefix(strings.TrimSuffix(id, ".title"), "case.")
			if !isCase || !strings.HasSuffix(id, ".title") || code == "unknown" {
				continue
			}
			if cases[code] == "" {
				t.Errorf("the pages have a message for %s, and this test does not know its state", code)
			}
			want = append(want, words["state."+string(cases[code])]+words["entry.colon"]+" "+title)
		}
		if len(want) != len(cases) {
			t.Errorf("the pages have messages for %d of %d cases", len(want), len(cases))
		}
		text := readManual(t, file)
		var got []string
		for _, row := range tablesOf(text)[0][2:] {
			got = append(got, row[0])
			if len(row) != 3 || row[1] == "" || row[2] == "" {
				t.Errorf("%s says too little about %s", file, row[0])
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, how a dossier stands (-pages +manual):\n%s", file, diff)
		}
		shown := map[string]bool{}
		for _, message := range words {
			shown[message] = true
		}
		// The introduction has a word in bold to explain what bold means.
		_, chapters, _ := strings.Cut(text, "\n## ")
		for _, m := range bold.FindAllStringSubmatch(chapters, -1) {
			if !shown[strings.Join(strings.Fields(m[1]), " ")] {
				t.Errorf("%s: the pages do not say %q", file, m[1])
			}
		}
	}
}

// TestLinksBetweenDocumentsLead checks each link to a file or to a heading in it.
func TestLinksBetweenDocumentsLead(t *testing.T) {
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, file := range append(files, "README.md", "docs/decisions/README.md") {
		text := fenced.ReplaceAllString(readManual(t, file), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := file
			if to != "" {
				target = filepath.Join(filepath.Dir(file), to)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", file, m[1])
			} else if anchor != "" && !headings(readManual(t, target))[anchor] {
				t.Errorf("%s: %s has no such heading", file, m[1])
			}
		}
	}
}

// headings returns the anchors of a text's headings, as GitHub makes them.
func headings(text string) map[string]bool {
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		keep := regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(keep, " ", "-")] = true
	}
	return anchors
}
