package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"
	"github.com/rs/zerolog"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"balansd/config"
	"balansd/logs"
	"balansd/problem"
)

// shownError is an error that the command has already shown in its output; only its
// exit code is left to give.
type shownError struct{ error }

func (t shownError) Unwrap() error { return t.error }

// report shows an error on stderr and gives the exit code.
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
	// A wrong call may end before the flag itself was read.
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

// clean takes control characters out of a text that comes from outside, so
// that a document cannot steer the terminal.
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
	dim  = "2"
	red  = "31"
)

// styled returns text a style when w is a terminal that takes one.
func (app *App) styled(w io.Writer, style, text string) string {
	if !logs.Coloured(w, app.env.Environ) {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// getenv finds a variable of the environment.
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

// table is text in columns.
type table struct {
	head  []string
	rows  [][]string
	right map[int]bool // the columns that stand at the right, as figures do
}

// newTable makes a table with headings.
func newTable(head ...string) *table { return &table{head: head, right: map[int]bool{}} }

// alignRight has columns stand at the right.
func (t *table) alignRight(columns ...int) *table {
	for _, c := range columns {
		t.right[c] = true
	}
	return t
}

// add adds a row.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = clean(c)
	}
	t.rows = append(t.rows, row)
}

// show writes a table on stdout.
func (app *App) show(t *table) {
	for _, line := range app.lines(t) {
		app.printf("%s\n", line)
	}
}

// lines returns the lines of a table for stdout, the headings first.
func (app *App) lines(t *table) []string {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	lines := []string{app.styled(app.env.Stdout, bold, t.line(t.head, widths))}
	for _, row := range t.rows {
		lines = append(lines, t.line(row, widths))
	}
	return lines
}

// line puts cells beside one another, without blanks at the end.
func (t *table) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range cells {
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(c))
		if i > 0 {
			b.WriteString("  ")
		}
		if t.right[i] {
			b.WriteString(pad + c)
		} else {
			b.WriteString(c + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// confirm asks a yes-or-no question. Without a person at a terminal the answer
// is a Usage problem that names the flag --yes.
func (app *App) confirm(question string) (bool, error) {
	if !isTerminal(app.env.Stdin) {
		return false, problem.New(problem.Usage, "this needs a yes, and there is nobody at a terminal to give it",
			"Call it with --yes when you are sure.")
	}
	return app.ask(question)
}

// ask puts the question and reads the answer; anything but a yes, in any of
// the languages, is a no.
func (app *App) ask(question string) (bool, error) {
	_, _ = fmt.Fprintf(app.env.Stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(app.env.Stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	yes := []string{"y", "yes", "j", "ja", "o", "oui"}
	return slices.Contains(yes, strings.ToLower(strings.TrimSpace(line))), nil
}

// progress shows how far long work is. It is silent when stderr is no
// terminal, and safe to use from one goroutine at a time.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress starts a progress line on stderr. Close ends it.
func (app *App) newProgress() *progress {
	if !isTerminal(app.env.Stderr) || app.asJSON {
		return &progress{}
	}
	return &progress{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(app.env.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond))}
}

// update shows that done of total things are done, and what goes on now.
func (p *progress) update(done, total int, text string) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(clean(text))
	// A bar that is full counts as finished for good, and the total may grow.
	p.bar.ChangeMax(max(total, done+1))
	_ = p.bar.Set(done)
}

// close takes the progress line away.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
}

// log returns the logger of a command: on stderr, as the configuration says. A
// file or the journal are for the daemon.
func (app *App) log(cfg *config.Config) zerolog.Logger {
	c := logs.Config{Level: cfg.Log.Level, Format: cfg.Log.Format, Stderr: app.env.Stderr, Environ: app.env.Environ}
	if c.Format == "journald" {
		c.Format = "auto"
	}
	l, err := logs.Open(c)
	if err != nil { // the configuration was checked, but a log there must be
		return zerolog.New(app.env.Stderr).With().Timestamp().Logger()
	}
	return l.Logger()
}
