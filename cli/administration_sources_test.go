package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/config"

	"github.com/google/go-cmp/cmp"
)

// administrationConfig loads a configuration with a section administration.
func administrationConfig(t *testing.T, section string) (*config.Config, []config.Mistake) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"balansd.yaml": "data_dir: " + dir + "\n" + section, "key": "0123456789"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(config.LoadOptions{Path: filepath.Join(dir, "balansd.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	return c, administrationMistakes(c)
}

func TestAdministrationHosts(t *testing.T) {
	c, mistakes := administrationConfig(t, `administration:
  adminpulse: {key_file: key, fields: {strete: a.b}}
  adsolut: {client_id: a, client_secret_file: key}
  national_bank: {key_file: key}
  lists:
    - {name: kantoor, file: a.csv, columns: {nmae: Firma}}
`)
	want := []string{"For names and addresses these hosts are called: api.adminpulse.be, api.adsolut.com, login.wolterskluwer.eu, ws.cbso.nbb.be."}
	if diff := cmp.Diff(want, administrationNote(c)); diff != "" {
		t.Error(diff)
	}
	var lines []string
	for _, m := range mistakes {
		_, line, _ := strings.Cut(m.String(), "balansd.yaml:")
		lines = append(lines, line)
	}
	wantLines := []string{
		"7:46: administration.lists[0].columns.nmae: is nothing that a column can hold; did you mean name?",
		"3:40: administration.adminpulse.fields.strete: is nothing that a path can be given for; did you mean street?",
	}
	if diff := cmp.Diff(wantLines, lines); diff != "" {
		t.Error(diff)
	}
}
