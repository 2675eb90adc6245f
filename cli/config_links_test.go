package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestConfigCheckLinks: a connection or firm of a link that does not exist is a mistake,
// with its line and the nearest name; what only the state knows, counts.
func TestConfigCheckLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "folders:\n- {name: payroll, path: x}\ndossiers:\n- {connection: payrol, dossier: \"1\", from: all}\n"})
	if err := os.Mkdir(filepath.Join(f.dir, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	const mistake = `:10:4: dossiers[0].connection: there is no connection "payrol"; did you mean payroll?`
	f.want(2, mistake, "config", "check") // without a state
	f.link()
	f.want(2, mistake, "config", "check")

	f.rewrite("connection: payrol,", "connection: wages-of-1999,")
	f.want(2, `there is no connection "wages-of-1999"; write the name of a folder, or a connection id`, "config", "check")

	f.rewrite("connection: wages-of-1999,", fmt.Sprintf("connection: %s, firm: %d9, company: 5,", f.conn, f.firm))
	f.want(2, fmt.Sprintf("dossiers[0].firm: Silverfin firm %d9 is not linked; did you mean %d?", f.firm, f.firm), "config", "check")
	d := f.daemon() // which is asked in place of the state
	f.want(2, fmt.Sprintf("Silverfin firm %d9 is not linked", f.firm), "config", "check")
	d.stop(t)

	f.rewrite(fmt.Sprintf("firm: %d9,", f.firm), fmt.Sprintf("firm: %d,", f.firm))
	f.want(0, "is well", "config", "check")
}
