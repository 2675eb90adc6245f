package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"balansd/config"
	"balansd/logs"
	"balansd/problem"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// shownError is an error that is in the output already. Main returns its exit code
// without printing it.
type shownError struct{ error }

func (t shownError) Unwrap() error { return t.error }

// report prints an error on stderr and returns the exit code.
func (app *App) report(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	p := problem.Of(err)
	if _, ok := errors.AsType[shownError](err); ok {
		return p.Code.ExitCode()
	}
	if p.Code == problem.Unexpected && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(app.env.Stderr, "Stopped.")
		return p.Code.ExitCode()
	}
	// Wrong arguments may end the command before cobra has read the flag.
	if app.asJSON || slices.Contains(app.env.Args, "--json") {
		app.reportJSON(p)
	} else {
		app.reportText(p)
	}
	return p.Code.ExitCode()
}

func (app *App) reportJSON(p *problem.Problem) {
	var out struct {
		Error struct {
			Code     problem.Code     `json:"code"`
			What     string           `json:"what"`
			Cause    string           `json:"cause,omitempty"`
			Next     string           `json:"next"`
			Mistakes []config.Mistake `json:"mistakes,omitempty"`
		} `json:"error"`
	}
	e := &out.Error
	e.Code, e.What, e.Next = p.Code, p.What, p.Next
	if m, ok := errors.AsType[*config.Mistakes](p.Err); ok {
		e.Mistakes = m.List
	} else if p.Err != nil {
		e.Cause = p.Err.Error()
	}
	_ = printJSON(app.env.Stderr, out)
}

func (app *App) reportText(p *problem.Problem) {
	w := app.env.Stderr
	what := clean(p.What)
	if m, ok := errors.AsType[*config.Mistakes](p.Err); ok {
		for _, one := range m.List {
			what += "\n  " + clean(one.String())
		}
	} else if p.Err != nil {
		what += ": " + clean(p.Err.Error())
	}
	_, _ = fmt.Fprintf(w, "%s %s\n", app.styled(w, red, "Error:"), what)
	if p.Next != "" {
		_, _ = fmt.Fprintf(w, "%s %s\n", app.styled(w, bold, "What to do:"), clean(p.Next))
	}
}

// print writes v as JSON on stdout.
func (app *App) print(v any) error { return printJSON(app.env.Stdout, v) }

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printf writes text on stdout.
func (app *App) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(app.env.Stdout, format, args...)
}

// clean replaces the control characters of a text from outside, so that it cannot
// control the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// The styles, as ANSI codes (ECMA-48).
const (
	bold = "1"
	red  = "31"
)

// styled returns text in a style if w is a terminal that supports it.
func (app *App) styled(w io.Writer, style, text string) string {
	if !logs.Coloured(w, app.env.Environ) {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// getenv returns a variable of the environment.
func (app *App) getenv(name string) string {
	for _, pair := range app.env.Environ {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}
	return ""
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) // a descriptor is a small number
}

// log returns the logger of a command, which writes to stderr: the file and the journal of
// the configuration are for the daemon.
func (app *App) log(cfg *config.Config) zerolog.Logger {
	c := logs.Config{Level: cfg.Log.Level, Format: cfg.Log.Format, Stderr: app.env.Stderr, Environ: app.env.Environ}
	if c.Format == "journald" {
		c.Format = "auto"
	}
	l, err := logs.Open(c)
	if err != nil { // not expected, since the configuration was checked
		return zerolog.New(app.env.Stderr).With().Timestamp().Logger()
	}
	return l.Logger()
}

// quietLog returns the logger of a command that prints its result itself. It logs errors
// only, unless the configuration asks for another level than info.
func (app *App) quietLog(cfg *config.Config) zerolog.Logger {
	if cfg.Log.Level == "info" {
		return app.log(cfg).Level(zerolog.ErrorLevel)
	}
	return app.log(cfg)
}
