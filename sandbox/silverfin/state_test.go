package silverfin_test

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/sandbox/silverfin"
)

func TestSnapshot(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	pair := x.exchange(x.sf.Grant(x.firm))
	code := x.sf.Grant(x.firm)
	x.access = pair.text("access_token")
	x.call("POST", "/companies/{c}/periods/{p}/custom", batch(3)).is(201)
	x.call("POST", "/companies/{c}/periods/{p}/reconciliations/{r}/custom", `{"namespace":"n","key":"k","value":{"a":1}}`).is(201)
	_ = x.sf.Set(x.company, x.period, "sb", "code_1000", "by hand")
	_ = x.sf.ArchiveCompany(x.sf.AddCompany(x.firm, silverfin.Company{Name: "Gestopt"}))
	_ = x.sf.Lock(x.company, x.period)

	before, err := x.sf.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	y := *x
	y.sf = silverfin.New(silverfin.Options{Now: x.clock.Now})
	if err := y.sf.Restore(before); err != nil {
		t.Fatal(err)
	}
	after, err := y.sf.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Fatal(diff)
	}
	// It continues with the same tokens, codes, locks, history and ids.
	y.call("GET", "/companies", "").is(200, "Bakkerij Janssens")
	y.exchange(code).is(200)
	y.call("POST", "/companies/{c}/periods/{p}/custom", batch(1)).is(422, "locked")
	if diff := cmp.Diff(x.sf.Writes(), y.sf.Writes()); diff != "" {
		t.Fatal(diff)
	}
	if a, b := x.sf.AddCompany(x.firm, silverfin.Company{}), y.sf.AddCompany(y.firm, silverfin.Company{}); a != b {
		t.Fatalf("the next company is %d and %d", a, b)
	}

	for _, bad := range []string{`{`, `{"firms":[null]}`, `{"firms":[{"id":1,"companies":[5]}]}`, `{"companies":{"5":null}}`,
		`{"writes":[{"property":3}]}`, `{"companies":{"5":{"custom":{"9":"\"x\""}}}}`} {
		if y.sf.Restore([]byte(bad)) == nil {
			t.Errorf("restored from %s", bad)
		}
	}
	y.call("GET", "/companies", "").is(200, "Bakkerij Janssens")
}

func TestIDsAreDeterministic(t *testing.T) {
	build := func() []int64 {
		x := newFixture(t, silverfin.Options{})
		return []int64{x.firm, x.company, x.period, x.recon, x.sf.OpenWorkflow(x.company, x.period, "Tax")}
	}
	if diff := cmp.Diff(build(), build()); diff != "" {
		t.Fatal(diff)
	}
}

// Ten thousand companies are made quickly and take little memory. The limit is generous:
// it only detects a wrong order of magnitude.
func TestManyCompanies(t *testing.T) {
	sf := silverfin.New(silverfin.Options{})
	firm := sf.AddFirm("Groot kantoor")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const files = 10_000
	for i := range files {
		c := sf.AddCompany(firm, silverfin.Company{Name: fmt.Sprintf("Dossier %05d", i), VAT: fmt.Sprintf("BE0%09d", i)})
		for year := 2023; year <= 2024; year++ {
			p := sf.AddPeriod(c, day(fmt.Sprint(year, "-01-01")), day(fmt.Sprint(year, "-12-31")))
			sf.OpenWorkflow(c, p, workflowName)
		}
		sf.AddReconciliation(c, "social_balance", workflowName)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / files
	if each > 4096 {
		t.Errorf("a file takes %d bytes", each)
	}
	if got := len(sf.Companies(firm)); got != files {
		t.Fatalf("%d files", got)
	}
	runtime.KeepAlive(sf)
}

// Whatever is posted, custom properties behave as a map from namespace and key to value,
// and the history is consistent with it.
func TestCustomPropertiesBehaveAsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := newFixture(t, silverfin.Options{})
		want := map[string]string{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			namespace := rapid.SampledFrom([]string{"a", "b", "a.b"}).Draw(rt, "namespace")
			key := rapid.SampledFrom([]string{"x", "y", "é"}).Draw(rt, "key")
			value := rapid.SampledFrom([]string{`"1"`, `"2"`, `""`, `null`, `"<é>"`}).Draw(rt, "value")
			name := namespace + "." + key
			if rapid.Bool().Draw(rt, "by hand") && value != "null" {
				_ = x.sf.Set(x.company, x.period, namespace, key, strings.Trim(value, `"`))
			} else {
				x.call("POST", "/companies/{c}/periods/{p}/custom", fmt.Sprintf(
					`{"properties":[{"namespace":%q,"key":%q,"value":%s}]}`, namespace, key, value)).is(201)
			}
			want[name] = strings.Trim(value, `"`)
			if value == "null" {
				delete(want, name)
			}
		}
		if diff := cmp.Diff(want, x.sf.Custom(x.company, x.period)); diff != "" {
			rt.Fatal(diff)
		}
		last := map[string]string{}
		for _, w := range x.sf.Writes() {
			name := w.Namespace + "." + w.Key
			if old, was := last[name]; was != w.Existed || old != w.Old {
				rt.Fatalf("%s was %q (%v), the history says %q (%v)", name, old, was, w.Old, w.Existed)
			}
			last[name] = w.New
			if w.Removed {
				delete(last, name)
			}
		}
		if diff := cmp.Diff(want, last); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// No body makes the server fail, and what was accepted can be saved and loaded.
func FuzzCustom(f *testing.F) {
	for _, seed := range []string{batch(2), `{"namespace":"n","key":"k","value":{"a":[1]}}`, `{"properties":[{}]}`, `[]`, `null`, `{"value":1e999,"namespace":"n","key":"k"}`} {
		f.Add(seed)
	}
	sf := silverfin.New(silverfin.Options{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	x := fixture{sf: sf, firm: sf.AddFirm("F")}
	x.company = sf.AddCompany(x.firm, silverfin.Company{})
	x.period = sf.AddPeriod(x.company, day("2024-01-01"), day("2024-12-31"))
	x.recon = sf.AddReconciliation(x.company, "social_balance", "")
	f.Fuzz(func(t *testing.T, body string) {
		x := x
		x.t = t
		x.signIn()
		for _, path := range []string{"/companies/{c}/custom", "/companies/{c}/periods/{p}/custom", "/companies/{c}/periods/{p}/reconciliations/{r}/custom"} {
			if got := x.call("POST", path, body); got.status != 201 && got.status != 400 && got.status != 422 {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			decode[[]map[string]any](x.call("GET", path, "").is(200))
		}
		saved, err := sf.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := sf.Restore(saved); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzRestore(f *testing.F) {
	sf := silverfin.New(silverfin.Options{})
	firm := sf.AddFirm("F")
	c := sf.AddCompany(firm, silverfin.Company{Name: "C"})
	p := sf.AddPeriod(c, day("2024-01-01"), day("2024-12-31"))
	_ = sf.Set(c, p, "n", "k", "v")
	saved, err := sf.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved)
	f.Add([]byte(`{"companies":{"1":{"periods":[{"open":[{"id":1}]}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := silverfin.New(silverfin.Options{})
		if s.Restore(data) != nil {
			return
		}
		s.Writes()
		for _, firm := range s.Firms() {
			for _, c := range s.Companies(firm.ID) {
				for _, p := range s.Periods(c.ID) {
					s.Custom(c.ID, p.ID)
				}
			}
		}
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v4/f/1/companies", nil))
	})
}
