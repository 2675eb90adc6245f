package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"balansd/problem"
)

// result is the result of a run of the command line.
type result struct {
	code           int
	stdout, stderr string
}

// balansd runs the command line as a process would, without a terminal and without an
// environment.
func balansd(t *testing.T, args ...string) result {
	t.Helper()
	return balansdWith(t, Env{Args: args})
}

func balansdWith(t *testing.T, env Env) result {
	t.Helper()
	var stdout bytes.Buffer
	stderr := newOutput()
	if env.Stdin == nil {
		env.Stdin = strings.NewReader("")
	}
	env.Stdout, env.Stderr = &stdout, stderr
	if env.Example == nil {
		env.Example = []byte("language: nl\n")
	}
	code := Main(t.Context(), env)
	return result{code, stdout.String(), stderr.String()}
}

func TestUsageErrors(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":    {[]string{"balanse"}, `unknown command "balanse" for "balansd"`},
		"suggestion":         {[]string{"versio"}, `version`},
		"unknown subcommand": {[]string{"config", "chek"}, `unknown command "chek" for "balansd config"; did you mean check?`},
		"unknown flag":       {[]string{"version", "--jsn"}, `unknown flag: --jsn`},
		"missing argument":   {[]string{"balance", "inspect"}, `requires at least 1 arg(s), only received 0`},
		"unknown language":   {[]string{"version", "--lang", "es"}, `--lang "es" is not known; it is nl, fr, en or de`},
	} {
		t.Run(name, func(t *testing.T) {
			r := balansd(t, c.args...)
			if r.code != 2 || r.stdout != "" {
				t.Errorf("exit code %d, output %q", r.code, r.stdout)
			}
			if !strings.Contains(r.stderr, c.want) || !strings.HasPrefix(r.stderr, "Error: ") {
				t.Errorf("says %q, want %q", r.stderr, c.want)
			}
			if lines := strings.Count(r.stderr, "\n"); lines != 2 {
				t.Errorf("%d lines, want the error and what to do:\n%s", lines, r.stderr)
			}
		})
	}
}

func TestErrorJSON(t *testing.T) {
	r := balansd(t, "balance", "inspect", "--json", "absent.xbrl")
	var got struct {
		Error struct {
			Code problem.Code `json:"code"`
			What string       `json:"what"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.stderr), &got); err != nil {
		t.Fatalf("%v in %q", err, r.stderr)
	}
	if got.Error.Code != problem.NotFound || got.Error.What != "there is no file absent.xbrl" || r.code != 1 || r.stdout != "" {
		t.Errorf("result = %+v", r)
	}
	// An error before the flags are parsed.
	r = balansd(t, "--json", "version")
	if err := json.Unmarshal([]byte(r.stderr), &got); err != nil || got.Error.Code != problem.Usage {
		t.Errorf("%v in %q", err, r.stderr)
	}
}

// exampleOf matches an example in a help text, with or without sudo.
var exampleOf = regexp.MustCompile(`Examples:\n  (sudo )?balansd`)

func TestHelpExamples(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.Name() == "help" || c.Name() == "completion" || c.HasParent() && c.Parent().Name() == "completion" {
			return
		}
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		r := balansd(t, args...)
		if r.code != 0 || !exampleOf.MatchString(r.stdout) {
			t.Errorf("%s gives %d:\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s is described as %q", c.CommandPath(), c.Short)
		}
		if c.RunE == nil && c.Run == nil && c.HasParent() {
			t.Errorf("%s does nothing", c.CommandPath())
		}
	}
	walk(newRootCommand(&App{env: Env{Stdout: &bytes.Buffer{}}}))
}

func TestNoArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"config"}, {"balance"}} {
		if r := balansd(t, args...); r.code != 0 || !strings.Contains(r.stdout, "Usage:") {
			t.Errorf("%v gives %d:\n%s", args, r.code, r.stdout+r.stderr)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	app := &App{env: Env{Stderr: &stderr}}
	if code := app.report(ctx, ctx.Err()); code != 1 || stderr.String() != "Stopped.\n" {
		t.Errorf("exit code %d, says %q", code, stderr.String())
	}
}

func TestVersion(t *testing.T) {
	r := balansdWith(t, Env{Args: []string{"version"}, Version: "1.2.3"})
	if r.code != 0 || !strings.HasPrefix(r.stdout, "balansd 1.2.3 (go1.") {
		t.Errorf("result = %+v", r)
	}
	var got map[string]string
	r = balansdWith(t, Env{Args: []string{"version", "--json"}, Version: "1.2.3"})
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got["version"] != "1.2.3" || got["platform"] == "" {
		t.Errorf("%v in %q", err, r.stdout)
	}
	if r = balansd(t, "version"); !strings.HasPrefix(r.stdout, "balansd ") || strings.HasPrefix(r.stdout, "balansd  ") {
		t.Errorf("without a version: %q", r.stdout)
	}
}
