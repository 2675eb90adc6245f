package documentreader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/documentreader"
	"balansd/problem"
	"balansd/sandbox/madeup"
)

// serveArg makes the test binary read a document, with the parser in the next argument.
const serveArg = "serve-document"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArg {
		os.Exit(documentreader.Serve(os.Stdin, os.Stdout, parsers()[os.Args[2]]))
	}
	os.Exit(m.Run())
}

// parsers are the parsers of the tests: each does something that a hostile document can
// cause.
func parsers() map[string]documentreader.Parse {
	return map[string]documentreader.Parse{
		"real": nil,
		"echo": func(_ balance.ReaderOptions, document io.Reader) (*balance.Balance, error) {
			data, err := io.ReadAll(document)
			return &balance.Balance{Name: string(data)}, err
		},
		"loop": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) {
			for n := 0; ; n++ {
				if n < 0 {
					n = 0
				}
			}
		},
		"wait": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) { select {} },
		"memory": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) {
			var all [][]byte
			for {
				all = append(all, bytes.Repeat([]byte{byte(len(all))}, 1<<20))
			}
		},
		"panic": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) { panic("secret text") },
		"stack": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) {
			var deeper func(n int) int
			deeper = func(n int) int { return deeper(n+1) + n }
			return &balance.Balance{Name: fmt.Sprint(deeper(0))}, nil
		},
		"other goroutine": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) {
			go panic("secret text")
			select {}
		},
		"too much": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) {
			return &balance.Balance{Name: strings.Repeat("x", 9<<20)}, nil
		},
		"exit": func(balance.ReaderOptions, io.Reader) (*balance.Balance, error) { os.Exit(0); return nil, nil },
	}
}

// newReader returns a reader whose processes use a parser of the tests.
func newReader(t testing.TB, parser string, change ...func(*documentreader.Options)) *documentreader.Reader {
	t.Helper()
	command, err := documentreader.OwnProgram(serveArg, parser)
	if err != nil {
		t.Fatal(err)
	}
	o := documentreader.Options{Command: command, Timeout: time.Hour}
	for _, c := range change {
		c(&o)
	}
	return documentreader.New(o)
}

const somePDF = "%PDF-1.7 hostile"

func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	quick := func(o *documentreader.Options) { o.Timeout = 100 * time.Millisecond }
	const anew = "; save or print it anew from the program that made it"
	for parser, c := range map[string]struct {
		change []func(*documentreader.Options)
		want   string
	}{
		"loop":            {[]func(*documentreader.Options){quick}, "the PDF could not be read: it takes longer than 100ms" + anew},
		"wait":            {[]func(*documentreader.Options){quick}, "the PDF could not be read: it takes longer than 100ms" + anew},
		"memory":          {nil, "the PDF could not be read: it takes more than 200 MiB of memory" + anew},
		"panic":           {nil, "the PDF could not be read: it is damaged, or not as programs write it" + anew},
		"stack":           {nil, "the PDF could not be read: it is damaged, or not as programs write it" + anew},
		"other goroutine": {nil, "the PDF could not be read: it is damaged, or not as programs write it" + anew},
		"too much":        {nil, "the PDF could not be read: it holds too much" + anew},
	} {
		t.Run(parser, func(t *testing.T) {
			t.Parallel()
			b, err := newReader(t, parser, c.change...).ReadDocument(t.Context(), []byte(somePDF))
			if wrong, ok := errors.AsType[*balance.ReadError](err); !ok || wrong.Error() != c.want {
				t.Errorf("%v, %v, want %s", b != nil, err, c.want)
			}
		})
	}
}

// TestNotTheDocument checks that failures which are not the document's fault are not
// reported as an unreadable document.
func TestNotTheDocument(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, err error) {
		t.Helper()
		if _, ok := errors.AsType[*balance.ReadError](err); ok || !problem.Is(err, problem.Unexpected) {
			t.Errorf("%v", err)
		}
	}
	t.Run("no program", func(t *testing.T) {
		t.Parallel()
		gone := filepath.Join(t.TempDir(), "gone")
		_, err := newReader(t, "real", func(o *documentreader.Options) { o.Command = []string{gone} }).ReadDocument(t.Context(), []byte(somePDF))
		check(t, err)
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		_, err := newReader(t, "exit").ReadDocument(t.Context(), []byte(somePDF))
		check(t, err)
	})
}

// TestCancel checks that a process ends when its caller has gone, and that waiting for a
// turn can be cancelled.
func TestCancel(t *testing.T) {
	t.Parallel()
	r := newReader(t, "wait", func(o *documentreader.Options) { o.AtOnce = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := r.ReadDocument(ctx, []byte(somePDF)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	cancel()
	all.Wait()
}

// TestLargeDocument checks that a large document arrives completely.
func TestLargeDocument(t *testing.T) {
	t.Parallel()
	doc := somePDF + strings.Repeat("0123456789", 500_000)
	b, err := newReader(t, "echo").ReadDocument(t.Context(), []byte(doc))
	if err != nil || b.Name != doc {
		t.Errorf("%v", err)
	}
}

// TestTextInThisProcess reads formats that need no other process.
func TestTextInThisProcess(t *testing.T) {
	t.Parallel()
	doc, err := madeup.Document(balance.NBBCSV, madeup.Balance(1, balance.Full, 2024))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newReader(t, "panic").ReadDocument(t.Context(), doc)
	if err != nil || len(b.Values) == 0 {
		t.Errorf("%v", err)
	}
}

// attachedTo makes a PDF with a document attached.
func attachedTo(doc []byte) []byte {
	return fmt.Appendf(nil, "%s\n%s", "%PDF-1.4", pdfBody(doc))
}

// pdfBody writes the objects of a PDF with one empty page and an attachment.
func pdfBody(doc []byte) []byte {
	var out bytes.Buffer
	start := len("%PDF-1.4\n")
	var at []int
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>>>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
		"<</Type/Filespec/F(a.xbrl)/EF<</F 5 0 R>>>>",
		fmt.Sprintf("<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream", len(doc), doc),
	} {
		at = append(at, start+out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	xref := start + out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return out.Bytes()
}

// TestSameAsHere compares the result of the other process with that of this one, with the
// reader's options.
func TestSameAsHere(t *testing.T) {
	t.Parallel()
	members, wrong := balance.ParseMembers("table", []byte("code\tmetric\tprd\tmembers\tsource\n"+
		"1003\tdec1\tdated\tbas:m73 gdr:m1 part:m8 typ:m16 wkr:m1 wrg:m2\tknown\n")) // where balansd itself has 1002
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	made := madeup.Balance(3, balance.Full, 2024)
	documents := map[string][]byte{"no balance": []byte(somePDF)}
	for _, layout := range []balance.Layout{balance.CBSOXBRL, balance.PFSXBRL, balance.NBBCSV} {
		doc, err := madeup.Document(layout, made)
		if err != nil {
			t.Fatal(err)
		}
		documents[string(layout)] = attachedTo(doc)
	}
	documents["wrong attachment"] = attachedTo([]byte(`{"Rubrics": [1]}`))
	if sample, err := os.ReadFile("../../shared/samples/nbb-pdf-m01f-abbr-2024-0443246943.pdf"); err == nil {
		documents["a real one"] = sample
	}
	for name, doc := range documents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := balance.ReaderOptions{Members: members}
			want, wantErr := balance.NewReader(o).Read(doc)
			got, err := newReader(t, "real", func(r *documentreader.Options) { r.Documents = o }).ReadDocument(t.Context(), doc)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("error %v, want %v", err, wantErr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-here +from the process)\n%s", diff)
			}
			if want != nil && len(want.Values)+len(want.Doubts) > 0 && want.Values.Hash() != got.Values.Hash() {
				t.Error("the figures differ")
			}
		})
	}
}
