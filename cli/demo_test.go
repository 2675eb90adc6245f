package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
)

// TestDemoProgramName checks that the commands in the demo's output work in another
// terminal.
func TestDemoProgramName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	find := func(name string) (string, error) {
		if name == "balansd" {
			return at("bin", "balansd"), nil
		}
		return "", errors.New("not found")
	}
	for exe, want := range map[string]string{
		at("tmp", "go-build1", "exe", "balansd"): "go run .",
		at("cache", "aa", "balansd"):             "go run .",
		at("work", "balansd.exe"):                filepath.FromSlash("./") + "balansd.exe",
		at("bin", "balansd"):                     "balansd",
		at("opt", "balansd"):                     at("opt", "balansd"),
		at("my programs", "other"):               `"` + at("my programs", "other") + `"`,
	} {
		if filepath.Separator != '/' && want[0] == '"' {
			continue // quoting doubles the backslashes of Windows
		}
		if got := programAt(exe, at("work"), []string{at("tmp"), at("cache"), ""}, find); got != want {
			t.Errorf("%s is called as %s, want %s", exe, got, want)
		}
	}
}

// TestDemoKeep checks what demo --keep prints: the link works, the pages show a week
// without a missed night, and Finbox links to the pages.
func TestDemoKeep(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int)
	go func() {
		code := Main(ctx, Env{Args: []string{"demo", "--keep"}, Stdout: in, Stderr: in, Version: "test"})
		_ = in.Close()
		ended <- code
	}()
	var printed strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "sync --dry-run") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	find := func(form string) string {
		t.Helper()
		m := regexp.MustCompile(form).FindStringSubmatch(printed.String())
		if m == nil {
			t.Fatalf("it does not print %s:\n%s", form, printed.String())
		}
		return m[1]
	}
	link, pages := find(`(?m)^  (http://\S+/invite/\S+)$`), find(`(?m)^web pages +(\S+)$`)
	if !strings.HasPrefix(link, pages) {
		t.Errorf("the link %s does not lead to %s", link, pages)
	}
	fetched(t, link)
	if settings := fetched(t, find(`(?m)^Finbox settings +(\S+)$`)); !strings.Contains(settings, `href="`+pages+`/connection"`) {
		t.Errorf("the third step in Finbox does not lead to the portal:\n%s", settings)
	}
	cfg, err := config.Load(config.LoadOptions{Path: find(`sync --dry-run --config "(.+)"`)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := localapi.Dial(ctx, cfg.Socket, cfg.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	history, err := client.History(ctx, daemon.HistoryQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(history.Missed) > 0 || len(history.Runs) < demoNights-1 {
		t.Errorf("%d nights, missed %v", len(history.Runs), history.Missed)
	}
	for _, p := range history.Runs {
		if p.Missed != "" || p.Stopped != "" || len(p.Down) > 0 {
			t.Errorf("the night of %s: %+v", p.Night, p)
		}
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

// fetched reads a page, waiting for a server that was just started.
func fetched(t *testing.T, address string) string {
	t.Helper()
	for {
		r, err := http.Get(address)
		if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
			runtime.Gosched()
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", address, r.Status, err)
		}
		return string(text)
	}
}

// TestDemoFolder delivers a PDF, a ZIP and a CSV saved by Excel from a folder, beside
// balances from Finbox.
func TestDemoFolder(t *testing.T) {
	t.Parallel()
	r := balansd(t, "demo")
	if r.code != 0 {
		t.Fatalf("code %d: %s", r.code, r.stderr)
	}
	_, delivered, _ := strings.Cut(r.stdout, "Delivered to Silverfin:\n")
	delivered, _, _ = strings.Cut(delivered, "\n\n")
	for _, file := range []string{`sociale-balans-\d{4}\.csv`, `bilan-social-\d{4}\.pdf`, `download-\d{4}\.zip!/2025-00000003\.xbrl`} {
		form := `, folder acerta, ` + file + `\n +\d+ figures written to [^\n]+ and read back equal\.`
		if !regexp.MustCompile(form).MatchString(delivered) {
			t.Errorf("%s is not delivered in the first night:\n%s", file, r.stdout)
		}
	}
	_, second, _ := strings.Cut(r.stdout, "== Night 2")
	if !strings.Contains(r.stdout, "Els links its dossier to company") || !strings.Contains(second, "Garage Wouterloo BV") {
		t.Errorf("no dossier is linked by hand and delivered in the second night:\n%s", r.stdout)
	}
}

// TestDemoNames tells of names and addresses: a dossier without a name gets one, a moved
// address is used on the yellow bar, and a changed director is for a person to copy.
func TestDemoNames(t *testing.T) {
	t.Parallel()
	r := balansd(t, "demo")
	if r.code != 0 {
		t.Fatalf("code %d: %s", r.code, r.stderr)
	}
	for _, form := range []string{`Optiek Klaasveldt BV +had no name in Silverfin, and got this one\.`,
		`Bakkerij Van Hoolwegen BV +street: Verzonnen Nijverheidslaan, in Silverfin Verzonnen Stationsstraat\n`,
		`Brasserie Delcourtois SA +directors: Camille Delcourtois, in Silverfin Marcel Delcourtois \(to be copied by hand\)`,
		`Bakkerij Van Hoolwegen BV has moved: Els clicks`} {
		if !regexp.MustCompile(form).MatchString(r.stdout) {
			t.Errorf("it does not print %s:\n%s", form, r.stdout)
		}
	}
}
