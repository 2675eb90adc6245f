package balance_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

func newReader() *balance.Reader { return balance.NewReader(balance.ReaderOptions{}) }

// However the bytes of a document come, it says the same.
func TestStream(t *testing.T) {
	docs := documents(t)
	docs["attached.pdf"] = []byte(attached(string(docs["cbso-25.0-m07-micro.xbrl"])))
	for name, data := range docs {
		want := mustRead(t, data)
		for way, src := range map[string]io.Reader{
			"by one byte":           iotest.OneByteReader(bytes.NewReader(data)),
			"by halves":             iotest.HalfReader(bytes.NewReader(data)),
			"with the end":          iotest.DataErrReader(bytes.NewReader(data)),
			"a byte, then the rest": io.MultiReader(bytes.NewReader(data[:1]), bytes.NewReader(data[1:])),
		} {
			got, err := newReader().Stream(src)
			if err != nil {
				t.Fatalf("%s %s: %v", name, way, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-whole +stream)\n%s", name, way, diff)
			}
		}
	}
}

// What is read does not depend on where in the buffer it comes to lie.
func TestStreamAtEveryOffset(t *testing.T) {
	pfs, js, csv := document(t, "pfs-2019-micro-company.xbrl"), document(t, "json-full.json"), document(t, "csv-m81-abbreviated.csv")
	want := [3]*balance.Balance{mustRead(t, []byte(pfs)), mustRead(t, []byte(js)), mustRead(t, []byte(csv))}
	const buffer = 32 << 10
	for _, fill := range []int{buffer - 6000, buffer - 3000, buffer - 900} {
		for i := range 60 {
			pad := fill + i*11
			for k, doc := range []string{
				strings.Replace(pfs, "?>", "?><!--"+strings.Repeat("-x", pad/2)+"-->", 1),
				strings.Repeat(" ", pad) + js,
				strings.Repeat("\n", pad) + csv,
			} {
				if k > 0 && i%6 > 0 {
					continue
				}
				got := mustRead(t, []byte(doc))
				got.Findings, want[k].Findings = nil, nil
				if diff := cmp.Diff(want[k], got); diff != "" {
					t.Fatalf("with %d bytes before it (-want +got)\n%s", pad, diff)
				}
			}
		}
	}
}

// An error of the source is told as it is, wherever it comes, and never a
// balance of what came before it.
func TestStreamThatFails(t *testing.T) {
	gone := errors.New("the disk is gone")
	for _, name := range []string{"csv-m81-abbreviated.csv", "json-full.json", "pfs-2019-micro-company.xbrl", "csv-m05-full-windows.csv", "attached.pdf", "utf16.xml"} {
		var data []byte
		switch name {
		case "attached.pdf":
			data = []byte(attached(document(t, "csv-m81-abbreviated.csv")))
		case "utf16.xml":
			data = []byte("\xff\xfe" + strings.Join(strings.Split(`<?xml version="1.0"?><xbrl xmlns="http://www.xbrl.org/2003/instance"/>`, ""), "\x00") + "\x00")
		default:
			data = []byte(document(t, name))
		}
		for cut := 0; cut <= len(data); cut += 1 + len(data)/50 {
			b, err := newReader().Stream(io.MultiReader(bytes.NewReader(data[:cut]), iotest.ErrReader(gone)))
			var known *balance.ReadError
			if b != nil || !errors.As(err, &known) {
				t.Fatalf("%s up to %d: %v, %v", name, cut, b, err)
			}
			if !errors.Is(err, gone) {
				t.Errorf("%s up to %d: %v", name, cut, err)
			}
		}
	}
}
