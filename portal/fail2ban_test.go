//go:build linux

package portal

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"balansd/internal/testenv"

	"github.com/rs/zerolog"
)

// TestFail2banReadsRefusedSignIns: the filter of the manual finds the address in each line
// about a refused sign-in, in the file and in the journal, and no name can give another.
func TestFail2banReadsRefusedSignIns(t *testing.T) {
	testenv.Need(t, testenv.Proxies, "fail2ban-regex")
	manual, err := os.ReadFile("../docs/it-admin.md")
	if err != nil {
		t.Fatal(err)
	}
	filter := regexp.MustCompile("(?s)```ini\n# /etc/fail2ban/filter.d/balansd.conf\n(.*?)```").FindSubmatch(manual)
	common, err := os.ReadFile("/etc/fail2ban/filter.d/common.conf")
	if filter == nil || err != nil {
		t.Fatal("there is no filter", err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("common.conf", string(common))
	conf := write("balansd.conf", string(filter[1]))

	var log bytes.Buffer
	f := newFixture(t, behindProxy, func(c *Config) { c.Log = zerolog.New(&log).Level(zerolog.InfoLevel).With().Timestamp().Logger() })
	const trick = `an" client=192.0.2.1 "client":"192.0.2.1","account":"","reason":"x","message":"a sign-in was refused"}`
	f.forwarded("198.51.100.7").post("/balansd/sign-in", "name", trick, "password", "wrong wrong wrong")
	f.forwarded("2001:db8::7").post("/balansd/sign-in", "name", trick, "password", "wrong wrong wrong")
	const journal = "Nov 30 02:02:54 server balansd[123]: "
	for name, text := range map[string]string{
		"file": log.String() + `{"level":"warn","client":"192.0.2.1","time":"2026-11-30T02:02:54Z","message":"another"}` + "\n",
		"journal": journal + `a sign-in was refused client=198.51.100.7 account="an client=192.0.2.1 " reason=signin.wrong` + "\n" +
			journal + "a sign-in was refused client=2001:db8::7 reason=oidc.refused\n" +
			journal + `another account="a sign-in was refused client=192.0.2.1 "` + "\n",
	} {
		out, err := exec.Command("fail2ban-regex", "-v", write(name, text), conf).CombinedOutput()
		got := string(out)
		if err != nil || !strings.Contains(got, "3 lines, 0 ignored, 2 matched, 1 missed") || strings.Contains(got, "|      192.0.2.1") ||
			!strings.Contains(got, "|      198.51.100.7 ") || !strings.Contains(got, "|      2001:db8::7 ") {
			t.Errorf("the %s gives %v:\n%s\nof\n%s", name, err, got, text)
		}
	}
}
