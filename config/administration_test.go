package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdministrationSources(t *testing.T) {
	c, err := load(t, `
administration:
  order: [kbo, kantoor]
  lists:
    - {name: oud, file: a.csv}
    - {name: kantoor, file: b.xlsx, columns: {reference: Dossiercode}}
  kbo: {folder: kbo}
`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kbo", "kantoor", "oud"}, c.Administration.SourceNames()); diff != "" {
		t.Error(diff)
	}
	if got := c.Administration.Lists[1].Columns["reference"]; got != "Dossiercode" {
		t.Errorf("the column of references is %q", got)
	}
}

func TestAdministrationMistakes(t *testing.T) {
	for what, c := range map[string]struct {
		text string
		want []string
	}{
		"lists": {`administration:
  lists:
    - {name: a, file: x.csv}
    - {name: a, file: x.csv}
    - {name: kbo}
  order: [a, b, a]
`, []string{
			`:4:8: administration.lists[1].name: two lists are named "a"`,
			`:5:8: administration.lists[2].name: "kbo" is the name of another source`,
			`:5:7: administration.lists[2].file: is missing`,
			`:6:14: administration.order[1]: there is no source "b"; the sources here are a, kbo`,
			`:6:17: administration.order[2]: "a" stands there twice`,
		}},
		"services": {`administration:
  adminpulse: {base_url: "http://adminpulse.example"}
  adsolut: {client_id: a, redirect: nowhere}
  national_bank: {timeout: 1h}
`, []string{
			`:2:16: administration.adminpulse.base_url: "http://adminpulse.example" is not encrypted`,
			`:2:3: administration.adminpulse.key_file: no key is set`,
			`administration.adsolut.redirect: "nowhere" is no web address`,
			`:3:3: administration.adsolut.client_secret_file: no client secret is set`,
			`:4:3: administration.national_bank.key_file: no key is set`,
			`:4:19: administration.national_bank.timeout: 1h is out of range`,
		}},
		"a key in the file": {"administration:\n  adminpulse: {key: 123}\n", []string{
			`:2:16: administration.adminpulse.key: a secret is written in the configuration file; put it in a file of its own and name that as key_file`,
		}},
	} {
		_, err := load(t, c.text)
		got := mistakes(t, err)
		for _, want := range c.want {
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%s: no mistake %q among:\n%s", what, want, strings.Join(got, "\n"))
			}
		}
	}
}
