package balance_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// The names of the National Bank's real documents.
const (
	fullCSV  = "nbb-csv-m02f-full-2024-0454352156.csv"
	abbrCSV  = "nbb-csv-m01f-abbr-2024-0443246943.csv"
	abbrXBRL = "nbb-xbrl-fws25-m01f-2024-0443246943.xbrl"
	fullPFS  = "nbb-xbrl-pfs2020-full-nbb-testfile-Full_FR.xbrl"
	noSocial = "nbb-xbrl-fws23-m87f-micro-anonymised-no-social.xbrl"
)

func TestRealDocuments(t *testing.T) {
	year := func(from, to string) balance.Period {
		start, _ := balance.ParseDate(from)
		end, _ := balance.ParseDate(to)
		return balance.Period{Start: start, End: end}
	}
	for name, want := range map[string]struct {
		balance.Balance
		cells    int
		findings bool
	}{
		fullCSV:  {balance.Balance{Layout: balance.NBBCSV, EnterpriseNumber: "0454352156", Model: balance.Full, FiscalYear: year("2024-01-01", "2024-12-31"), Currency: "EUR"}, 97, false},
		abbrCSV:  {balance.Balance{Layout: balance.NBBCSV, EnterpriseNumber: "0443246943", Model: balance.Abbreviated, FiscalYear: year("2024-01-01", "2024-12-31"), Currency: "EUR"}, 20, false},
		abbrXBRL: {balance.Balance{Layout: balance.CBSOXBRL, EnterpriseNumber: "0443246943", Model: balance.Abbreviated, FiscalYear: year("2024-01-01", "2024-12-31"), Currency: "EUR", JointCommittees: []string{"200", "201"}}, 20, false},
		fullPFS:  {balance.Balance{Layout: balance.PFSXBRL, EnterpriseNumber: "0415599072", Model: balance.Full, FiscalYear: year("2016-01-01", "2016-12-31"), Currency: "EUR", JointCommittees: []string{"14901", "218"}}, 109, true},
		noSocial: {balance.Balance{Layout: balance.CBSOXBRL, EnterpriseNumber: "0925590628", Model: balance.Micro, FiscalYear: year("2022-01-01", "2022-12-31"), Currency: "EUR"}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := mustRead(t, sample(t, name))
			if len(b.Values) != want.cells || len(b.Findings) > 0 != want.findings || b.Name == "" {
				t.Errorf("%d cells, name %q, findings %v", len(b.Values), b.Name, b.Findings)
			}
			if b.PersonnelCosts == nil {
				t.Error("rubric 62 is not read")
			}
			b.Name, b.Values, b.Findings, b.PersonnelCosts = "", nil, nil, nil
			if diff := cmp.Diff(want.Balance, *b); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSameFilingInTwoLayouts(t *testing.T) {
	csv, xbrl := mustRead(t, sample(t, abbrCSV)), mustRead(t, sample(t, abbrXBRL))
	if diff := cmp.Diff(csv.Values, xbrl.Values); diff != "" {
		t.Errorf("(-CSV +XBRL)\n%s", diff)
	}
	if csv.Values.Hash() != xbrl.Values.Hash() {
		t.Error("equal values have different hashes")
	}
}

// BenchmarkRead reads documents, in MB/s. BenchmarkTokens is the bare loop over
// the tokens of encoding/xml that it is held against.
func BenchmarkRead(b *testing.B) { eachDocument(b, read) }

func BenchmarkTokens(b *testing.B) { eachDocument(b, tokens) }

func read(data []byte) error {
	_, err := newReader().Read(data)
	return err
}

func tokens(data []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// BenchmarkReadAgainstTokens takes the two in turn over the same document and
// reports how many times as fast Read is. It must be at least 0.7.
func BenchmarkReadAgainstTokens(b *testing.B) {
	data := sample(b, fullPFS)
	const rounds, times = 15, 10
	var ratios, speeds []float64
	for b.Loop() {
		for range rounds {
			var took [2]time.Duration
			for i, run := range []func([]byte) error{read, tokens} {
				runtime.GC()
				start := time.Now()
				for range times {
					if err := run(data); err != nil {
						b.Fatal(err)
					}
				}
				took[i] = time.Since(start)
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
			speeds = append(speeds, float64(times*len(data))/1e6/took[0].Seconds())
		}
	}
	slices.Sort(ratios)
	slices.Sort(speeds)
	ratio := ratios[len(ratios)/2]
	b.ReportMetric(ratio, "x-tokens")
	b.ReportMetric(speeds[len(speeds)/2], "MB/s")
	b.ReportMetric(0, "ns/op")
	if ratio < 0.7 {
		b.Errorf("Read is %.2f times as fast as a bare loop over the tokens, less than 0.7", ratio)
	}
}

// BenchmarkMemory reports the memory that reading a document of 50 MB takes
// from the system, in a process of its own.
func BenchmarkMemory(b *testing.B) {
	d := largeDocuments(b)["annual accounts"]
	memory := 0
	for b.Loop() {
		memory, _, _ = readApart(b, d)
	}
	b.ReportMetric(float64(memory)/(1<<20), "MiB")
	if memory >= 64<<20 {
		b.Errorf("reading took %d bytes, more than 64 MiB", memory)
	}
}

func eachDocument(b *testing.B, run func([]byte) error) {
	const madeUp = "pfs-2020-full-company.xbrl"
	for _, name := range []string{fullPFS, abbrXBRL, madeUp} {
		b.Run(name, func(b *testing.B) {
			data := []byte(document(b, madeUp))
			if name != madeUp {
				data = sample(b, name)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := run(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The National Bank's PDF of a filing has the figures of its CSV, in whole euros.
func TestRealPDF(t *testing.T) {
	got := mustRead(t, sample(t, "nbb-pdf-m01f-abbr-2024-0443246943.pdf"))
	want := mustRead(t, sample(t, "nbb-csv-m01f-abbr-2024-0443246943.csv"))
	for c, v := range want.Values {
		if r, _ := balance.RubricOf(c.Code); r.Unit == balance.Money {
			want.Values[c] = v.Round(0)
		}
	}
	if diff := cmp.Diff(want.Values, got.Values); diff != "" {
		t.Errorf("(-CSV +PDF)\n%s", diff)
	}
	type identity struct {
		Number  balance.EnterpriseNumber
		Name    string
		Model   balance.Model
		Year    balance.Period
		Rounded bool
		Doubts  []balance.Doubt
	}
	w := identity{want.EnterpriseNumber, want.Name, want.Model, want.FiscalYear, true, nil}
	if diff := cmp.Diff(w, identity{got.EnterpriseNumber, got.Name, got.Model, got.FiscalYear, got.Rounded, got.Doubts}); diff != "" {
		t.Errorf("(-CSV +PDF)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"200", "201"}, got.JointCommittees); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkPDF(b *testing.B) {
	data := sample(b, "nbb-pdf-m01f-abbr-2024-0443246943.pdf")
	b.ReportAllocs()
	for b.Loop() {
		_ = mustRead(b, data)
	}
}
