package support

import (
	"encoding/json"
	"strings"
	"testing"
)

func newTestRedactor(withNames bool) *Redactor {
	r := NewRedactor(withNames)
	r.AddName(`Bakkerij "Zoet" & Zonen`, "entry 7")
	r.AddName("0402.754.886", "entry 7")
	r.AddName("ab", "entry 8")
	r.AddName("/srv/scans", "folder 1")
	r.AddSecret("s3cret-of-silverfin")
	return r
}

func TestText(t *testing.T) {
	r := newTestRedactor(false)
	for in, want := range map[string]string{
		`Bakkerij "Zoet" & Zonen waits`:             "(entry 7) waits",
		`BAKKERIJ "ZOET" & ZONEN`:                   "(entry 7)",
		`{"name":"Bakkerij \"Zoet\" \u0026 Zonen"}`: `{"name":"(entry 7)"}`,
		`Bakkerij%20%22Zoet%22%20&%20Zonen`:         "(entry 7)",
		"0402754886, 0402.754.886 and BE0402754886": "(entry 7), (entry 7) and BE(entry 7)",
		"crab and slab":                             "crab and slab",
		"it sent s3cret-of-silverfin":               "it sent (secret)",
	} {
		if got := r.Text(in); strings.ReplaceAll(got, "(BE(", "(") != want && got != want && got != strings.ReplaceAll(want, "BE(entry 7)", "(entry 7)") {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// TestSentence leaves out what may be a name that is not known.
func TestSentence(t *testing.T) {
	r := newTestRedactor(false)
	for in, want := range map[string]string{
		`the file "Kapper Knip.pdf" cannot be read`:                      `the file "…" cannot be read`,
		`the file “Kapper \"Knip\".pdf” cannot be read`:                  `the file "…" cannot be read`,
		"open /srv/scans/Kapper Knip/2025.pdf: permission denied":        "open (folder 1): permission denied",
		`open C:\Klanten\Kapper Knip\2025.pdf: access is denied`:         "open (path): access is denied",
		`\\nas\klanten\Kapper Knip is gone`:                              "(path)",
		"live.getsilverfin.com cannot be reached: dial tcp: i/o timeout": "live.getsilverfin.com cannot be reached: dial tcp: i/o timeout",
		"GET https://live.getsilverfin.com/f/1001/Kapper?x=1 gives 500":  "GET https://live.getsilverfin.com/… gives 500",
		"an@kantoor.example is no admin":                                 "(address) is no admin",
		"two companies have the number 0403.019.261":                     "two companies have the number (number)",
	} {
		if got := r.Sentence(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// TestShortNames replaces names that are too short to be looked for inside of words.
func TestShortNames(t *testing.T) {
	r := newTestRedactor(false)
	if got := r.Sentence("the folder ab is not there, grab it"); got != "the folder (entry 8) is not there, grab it" {
		t.Error(got)
	}
	got := r.Metrics("balansd_connection{connection=\"ab\",state=\"failing\"} 1\nbalansd_connection{connection=\"Kapper \\\"Knip\\\"\",state=\"active\"} 1\nbalansd_firm{firm=\"1001\"} 0\n")
	want := "balansd_connection{connection=\"(entry 8)\",state=\"failing\"} 1\nbalansd_connection{connection=\"(left out)\",state=\"active\"} 1\nbalansd_firm{firm=\"1001\"} 0\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestJSON(t *testing.T) {
	in := `{"time":"2026-11-30T02:30:00Z","level":"warn","message":"an entry waits","entry":7,"dossier":"Kapper Knip",
		"detail":"Kapper Knip has 1003: 12.5","reason":"no_company","figures_written":12,"differences":[{"ours":"12.5"}],
		"runs":[{"number":3,"problems":["the firm \"X\" refused"],"outcome":{"done":4}}],"by_name":{"Bakkerij \"Zoet\" & Zonen":1,"Kapper Knip":2},
		"connection":"/srv/scans","new_field":"Kapper Knip","error":null}`
	var got, want any
	if err := json.Unmarshal(newTestRedactor(false).JSON([]byte(in)), &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(`{"time":"2026-11-30T02:30:00Z","level":"warn","message":"an entry waits","entry":7,"dossier":"(left out)",
		"detail":"(left out)","reason":"no_company","figures_written":12,
		"runs":[{"number":3,"problems":["the firm \"…\" refused"],"outcome":{"done":4}}],"by_name":{"(entry 7)":1,"(left out)":2},
		"connection":"(folder 1)","new_field":"(left out)","error":null}`), &want)
	if a, b := marshal(got), marshal(want); a != b {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	kept := string(newTestRedactor(true).JSON([]byte(in)))
	if !strings.Contains(kept, "Kapper Knip") || strings.Contains(kept, "differences") {
		t.Errorf("with names: %s", kept)
	}
	for _, bad := range []string{"", "2026-11-30 a line", "{"} {
		if got := newTestRedactor(false).JSON([]byte(bad)); got != nil {
			t.Errorf("%q gives %q", bad, got)
		}
	}
}

func marshal(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func TestSetting(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"silverfin.base_url", "https://live.getsilverfin.com/f/1"}: "https://live.getsilverfin.com",
		{"portal.oidc.issuer", "https://login.example/TENANT/v2.0"}: "https://login.example",
		{"night.at", "02:30"}:                                "02:30",
		{"silverfin.requests_per_second", "5"}:               "5",
		{"folders[0].path", "/srv/Kapper Knip"}:              "(set)",
		{"folders[0].settle", "2m"}:                          "2m",
		{"dossiers[0].note", "Kapper Knip"}:                  "(set)",
		{"silverfin.target.key", "code_{code}"}:              "code_{code}",
		{"portal.oidc.admin_users[0]", "an@kantoor.example"}: "(set)",
		{"silverfin.client_secret", "(hidden)"}:              "(hidden)",
		{"finbox.client_id", "6c1e"}:                         "(set)",
		{"dossiers[0].enterprise_number", "0402.754.886"}:    "(set)",
	} {
		if got := Setting(in[0], in[1]); got != want {
			t.Errorf("%v gives %q, want %q", in, got, want)
		}
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add(`{"dossier":"Kapper Knip","detail":"x"}`)
	f.Add(`the file "a\" cannot /be read`)
	r := newTestRedactor(false)
	f.Fuzz(func(t *testing.T, s string) {
		r.JSON([]byte(s))
		if got := r.Sentence(s + `Bakkerij "Zoet" & Zonen` + s); strings.Contains(got, `Bakkerij "Zoet" & Zonen`) {
			t.Errorf("%q", got)
		}
	})
}
