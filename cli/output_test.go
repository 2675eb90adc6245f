package cli

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/config"
	"balansd/problem"
)

func TestTable(t *testing.T) {
	var out bytes.Buffer
	app := &App{env: Env{Stdout: &out}}
	tab := newTable("Naam", "Bedrag").alignRight(1)
	tab.add("Boulangerie Émile", "1.234,5")
	tab.add("東京", "2")
	tab.add("evil\x1b[31m\u202e\n", "")
	app.show(tab)
	want := "Naam                Bedrag\n" +
		"Boulangerie Émile  1.234,5\n" +
		"東京                     2\n" +
		"evil\uFFFD[31m\uFFFD\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestErrorOutput(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
		want string
	}{
		"problem": {problem.New(problem.Busy, "a run is under way", "Wait until it ends."), 1,
			"Error: a run is under way\nWhat to do: Wait until it ends.\n"},
		"cause": {problem.Wrap(errors.New("no route\x1b[2J"), problem.FinboxDown, "Finbox cannot be reached", "Try again."), 1,
			"Error: Finbox cannot be reached: no route\uFFFD[2J\nWhat to do: Try again.\n"},
		"needs a person": {problem.New(problem.NeedsPerson, "2 balances differ", ""), 3, "Error: 2 balances differ\n"},
		"told":           {shownError{problem.New(problem.NeedsPerson, "2 balances differ", "Decide.")}, 3, ""},
		"mistakes": {problem.Wrap(&config.Mistakes{List: []config.Mistake{
			{File: "balansd.yaml", Line: 3, Column: 1, Key: "a", What: "is missing", Right: "set it"}, {Key: "BALANSD_X", What: "no such variable"},
		}}, problem.ConfigInvalid, "2 mistakes", ""), 2,
			"Error: 2 mistakes\n  balansd.yaml:3:1: a: is missing; set it\n  environment: BALANSD_X: no such variable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			app := &App{env: Env{Stderr: &stderr}}
			if code := app.report(t.Context(), c.err); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if diff := cmp.Diff(c.want, stderr.String()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStylesAndProgress(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	app := &App{env: Env{Stdout: f, Stderr: f, Stdin: f}}
	if got := app.styled(f, red, "x"); got != "x" {
		t.Errorf("a file gets %q", got)
	}
	p := app.newProgress()
	p.update(1, 2, "reading")
	p.close()
	if text, err := os.ReadFile(f.Name()); err != nil || len(text) != 0 {
		t.Errorf("progress wrote %q, %v", text, err)
	}
	if _, err := app.confirm("Sure?"); !problem.Is(err, problem.Usage) {
		t.Errorf("without a terminal, confirm gives %v", err)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, " JA \n": true, "oui": true, "": false, "\n": false, "n\n": false,
		"yes please\n": false, strings.Repeat("y", 1000): false} {
		app := &App{env: Env{Stdin: strings.NewReader(answer), Stderr: &bytes.Buffer{}}}
		if got, err := app.ask("Sure?"); got != want || err != nil {
			t.Errorf("%q is %v, %v", answer, got, err)
		}
	}
}
