package balance_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
)

// zipped is a file that a test puts into a ZIP.
type zipped struct {
	name, content string
	change        func(*zip.FileHeader)
}

// packZIP makes a ZIP archive.
func packZIP(t testing.TB, files ...zipped) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if f.change != nil {
			f.change(header)
		}
		to, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(to, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// walk lists what Documents finds, in lines such as "a.csv: text" and
// "b.jpg skipped, other: a picture".
func walk(t testing.TB, data []byte, limits balance.ArchiveLimits) []string {
	t.Helper()
	documents, skipped, err := balance.Documents(data, limits)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	lines := []string{}
	for _, d := range documents {
		content, err := d.Content()
		if err != nil {
			t.Errorf("%s: %v", d.Path, err)
		}
		lines = append(lines, fmt.Sprintf("%s: %.12s", d.Path, content))
	}
	for _, s := range skipped {
		lines = append(lines, fmt.Sprintf("%s skipped, %s: %s", s.Path, s.Reason, s.What))
	}
	return lines
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	plain := func(name string) zipped { return zipped{name: name, content: "text"} }
	raw := func(h *zip.FileHeader) { h.NonUTF8 = true }
	inner := string(packZIP(t, plain("x.csv")))
	workbook := string(packZIP(t, plain("[Content_Types].xml"), plain("xl/workbook.xml")))
	letter := string(packZIP(t, plain("[Content_Types].xml"), plain("word/document.xml")))
	for name, c := range map[string]struct {
		data   []byte
		limits balance.ArchiveLimits
		want   []string
	}{
		"no archive":  {data: []byte("text"), want: []string{": text"}},
		"nothing":     {data: nil, want: []string{": "}},
		"a workbook":  {data: []byte(workbook), want: []string{": PK\x03\x04" + workbook[4:12]}},
		"empty":       {data: packZIP(t), want: []string{}},
		"a PDF":       {data: packZIP(t, zipped{name: "a.pdf", content: "%PDF-1.7 ..."}), want: []string{"a.pdf: %PDF-1.7 ..."}},
		"two files":   {data: packZIP(t, plain("a.csv"), plain("b/ü.xbrl")), want: []string{"a.csv: text", "b/ü.xbrl: text"}},
		"backslashes": {data: packZIP(t, plain(`2024\a.csv`), plain(`b\`)), want: []string{"2024/a.csv: text"}},
		"other files": {
			data: packZIP(t, zipped{name: "logo.png", content: "\x89PNG..."}, zipped{name: "brief.docx", content: letter},
				zipped{name: "leeg.csv"}, zipped{name: "sub/"}, plain("__MACOSX/._a.csv"),
				zipped{name: "link", content: "/etc/passwd", change: func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }}),
			want: []string{"logo.png skipped, other: a picture", "brief.docx skipped, other: a text document", "leeg.csv skipped, other: an empty file",
				"__MACOSX/._a.csv skipped, other: what a Mac adds", "link skipped, other: a link"},
		},
		"code page 850":  {data: packZIP(t, zipped{"caf\x82 \x8a\x89.csv", "text", raw}), want: []string{"café èë.csv: text"}},
		"code page 1252": {data: packZIP(t, zipped{"caf\xe9.csv", "text", raw}), want: []string{"café.csv: text"}},
		"UTF-8 unmarked": {data: packZIP(t, zipped{"café.csv", "text", raw}), want: []string{"café.csv: text"}},
		"Unicode path field": {
			data: packZIP(t, zipped{"caf?.csv", "text", func(h *zip.FileHeader) {
				h.Extra = append([]byte{0x75, 0x70, 14, 0, 1, 0x38, 0xaf, 0x53, 0x5c}, "café.csv"...)
			}}),
			want: []string{"café.csv: text"},
		},
		"letters of a Mac":   {data: packZIP(t, plain("cafe\u0301.csv")), want: []string{"café.csv: text"}},
		"control characters": {data: packZIP(t, plain("a\x1b[31m\u202e.csv")), want: []string{"a\ufffd[31m\ufffd.csv: text"}},
		"names that leave the folder": {
			data: packZIP(t, plain("../a.csv"), plain(`..\..\b.csv`), plain("/etc/c.csv"), plain(`C:\d.csv`), plain(`\\server\share\e.csv`),
				plain("f/../../g.csv"), plain("h/../i.csv"), plain(strings.Repeat("j", 2000))),
			want: []string{
				"h/../i.csv"[5:] + ": text",
				"../a.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				"../../b.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				"/etc/c.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				"C:/d.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				"//server/share/e.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				"../g.csv skipped, outside: its name leads out of the folder; rename it and pack it again",
				strings.Repeat("j", 2000) + " skipped, outside: its name is too long; rename it and pack it again",
			},
		},
		"one name twice": {
			data: packZIP(t, plain("a.csv"), zipped{name: "b.csv", content: "one"}, zipped{name: "./b.csv", content: "two"}, plain("a.csv")),
			want: []string{"a.csv: text", "b.csv skipped, twice: it is in the ZIP more than once, and not the same; unpack the ZIP and give the right one"},
		},
		"encrypted": {
			data: packZIP(t, zipped{"a.csv", "text", func(h *zip.FileHeader) { h.Flags |= 1 }}),
			want: []string{"a.csv skipped, encrypted: it is protected with a password; unpack the ZIP with the password and give the file itself"},
		},
		"an archive in the archive": {
			data: packZIP(t, zipped{name: "klant/in.zip", content: inner}, zipped{name: "wb", content: workbook}),
			want: []string{"klant/in.zip!/x.csv: text", "wb: PK\x03\x04" + workbook[4:12]},
		},
		"too deep": {
			data: packZIP(t, zipped{name: "b", content: string(packZIP(t, zipped{name: "c", content: inner}, plain("d.csv")))}),
			want: []string{"b!/d.csv: text", "b!/c skipped, nested: it is a ZIP in a ZIP in a ZIP; unpack it and give it by itself"},
		},
		"a damaged archive in it": {
			data: packZIP(t, zipped{name: "in.zip", content: inner[:len(inner)-10]}, plain("a.csv")),
			want: []string{"a.csv: text", "in.zip skipped, damaged: this ZIP is damaged or not complete; take it again from where it came"},
		},
		"too many files": {
			data: packZIP(t, plain("a"), plain("b"), plain("c")), limits: balance.ArchiveLimits{Files: 2},
			want: []string{"error: this ZIP holds more than 2 files; make one of the social balances alone"},
		},
		"too many files in an archive in it": {
			data: packZIP(t, zipped{name: "in", content: string(packZIP(t, plain("a"), plain("b"), plain("c")))}, plain("d")), limits: balance.ArchiveLimits{Files: 4},
			want: []string{"d: text", "in skipped, too_large: this ZIP holds more than 4 files; make one of the social balances alone"},
		},
		"too large unpacked": {
			data: packZIP(t, zipped{name: "a", content: strings.Repeat("a", 1<<20)}, zipped{name: "b", content: "b"}), limits: balance.ArchiveLimits{Unpacked: 1 << 20},
			want: []string{"error: this ZIP unpacks to more than 1 MiB; make one of the social balances alone"},
		},
		"a file too large": {
			data: packZIP(t, zipped{name: "a", content: strings.Repeat("ab", 1<<20)}, plain("b")), limits: balance.ArchiveLimits{Document: 1 << 20, Ratio: 1 << 20},
			want: []string{"b: text", "a skipped, too_large: it is larger than 1 MiB, as no social balance is"},
		},
		"packed too tightly": {
			data: packZIP(t, zipped{name: "a", content: strings.Repeat("a", 2<<20)}, zipped{"b", strings.Repeat("b", 2<<20), func(h *zip.FileHeader) { h.Method = zip.Store }}),
			want: []string{"b: bbbbbbbbbbbb", "a skipped, ratio: it unpacks to more than 100 times its size, as no document does"},
		},
		"a bomb":          {data: packZIP(t, zipped{name: "a", content: strings.Repeat("a", 2<<20)}), want: []string{"error: this ZIP unpacks to more than 100 times its size, as no documents do; make it anew"}},
		"a truncated one": {data: packZIP(t, plain("a"))[:40], want: []string{"error: this ZIP is damaged or not complete; take it again from where it came"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, walk(t, c.data, c.limits)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestDamagedMembers looks at files whose damage shows when they are unpacked.
func TestDamagedMembers(t *testing.T) {
	t.Parallel()
	content := "text that is stored as it is"
	stored := func(h *zip.FileHeader) { h.Method = zip.Store }
	data := packZIP(t, zipped{"a.csv", content, stored}, zipped{"b.csv", content + content, stored})
	at := bytes.Index(data, []byte(content))
	data[at] ^= 1
	want := []string{
		"b.csv: text that is",
		"a.csv skipped, damaged: it is damaged in the ZIP; take the ZIP again from where it came",
	}
	if diff := cmp.Diff(want, walk(t, data, balance.ArchiveLimits{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	long := strings.Repeat("0123456789", 1000)
	data = packZIP(t, zipped{"a.csv", long, stored})
	data[bytes.Index(data, []byte(long))+9000] ^= 1 // beyond what is looked at to recognise a kind
	documents, _, err := balance.Documents(data, balance.ArchiveLimits{})
	if err != nil || len(documents) != 1 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	_, err = documents[0].Content()
	if known := (*balance.ReadError)(nil); !errors.As(err, &known) || known.What != "it is damaged in the ZIP; take the ZIP again from where it came" {
		t.Errorf("content of a damaged file: %v", err)
	}
	odd := packZIP(t, zipped{"a.csv", content, stored})
	for _, signature := range []string{"PK\x03\x04", "PK\x01\x02"} { // the method stands at 8 in one and at 10 in the other
		i := bytes.Index(odd, []byte(signature)) + 8
		if signature == "PK\x01\x02" {
			i += 2
		}
		odd[i] = 9 // deflate64
	}
	want = []string{"a.csv skipped, damaged: it is packed in a way that cannot be unpacked here; unpack the ZIP and give the file itself"}
	if diff := cmp.Diff(want, walk(t, odd, balance.ArchiveLimits{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestManyFiles holds the list of files to its limit whatever it says of its
// length.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	files := make([]zipped, 20_000)
	for i := range files {
		files[i] = zipped{name: fmt.Sprintf("%0900d", i)}
	}
	want := []string{"error: this ZIP holds more than 10000 files; make one of the social balances alone"}
	if diff := cmp.Diff(want, walk(t, packZIP(t, files...), balance.ArchiveLimits{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDescribeSkipped(t *testing.T) {
	t.Parallel()
	other := func(names ...string) (out []balance.Skipped) {
		for _, name := range names {
			out = append(out, balance.Skipped{Path: name, Reason: balance.SkippedOther, What: "a picture"})
		}
		return out
	}
	locked := balance.Skipped{Path: "a.csv", Reason: balance.SkippedEncrypted, What: "it is protected with a password"}
	for name, c := range map[string]struct {
		skipped []balance.Skipped
		wrong   []string
		others  string
	}{
		"none": {},
		"few":  {skipped: other("a.jpg", "b/readme"), others: "not social balances: a.jpg, b/readme"},
		"many": {skipped: other("a.jpg", "b.JPG", "c.docx", "d.docx", "e.docx", "readme", "x.verylongextension"),
			others: "not social balances: 3 .docx, 2 .jpg, 2 without extension"},
		"wrong": {skipped: append(other("a.jpg"), locked), wrong: []string{"a.csv is not read: it is protected with a password"}, others: "not social balances: a.jpg"},
		"all wrong": {skipped: slices.Repeat([]balance.Skipped{locked}, 25),
			wrong: append(slices.Repeat([]string{"a.csv is not read: it is protected with a password"}, 20), "5 more files are not read")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong, others := balance.DescribeSkipped(c.skipped)
			if diff := cmp.Diff(c.wrong, wrong); diff != "" || others != c.others {
				t.Errorf("%q (-want +got)\n%s", others, diff)
			}
		})
	}
}

// TestArchivesOfServices reads ZIPs as a service or a person makes them.
func TestArchivesOfServices(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ numbers, skipped []string }{
		"one.zip":           {[]string{"0900102194"}, nil},
		"three-clients.zip": {[]string{"0900102194", "0900207708", "0900309953"}, []string{"__MACOSX/a/._a.csv"}},
	} {
		data, err := os.ReadFile("../../shared/cases/zip/" + name)
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("the cases are not on this machine")
		}
		if err != nil {
			t.Fatal(err)
		}
		documents, skipped, err := balance.Documents(data, balance.ArchiveLimits{})
		if err != nil {
			t.Fatal(err)
		}
		var numbers, names []string
		for _, d := range documents {
			content, err := d.Content()
			if err != nil {
				t.Fatal(err)
			}
			if b, err := newReader().Read(content); err == nil {
				numbers = append(numbers, b.EnterpriseNumber.String())
			}
		}
		for _, s := range skipped {
			names = append(names, s.Path)
		}
		if diff := cmp.Diff(want.numbers, numbers); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(want.skipped, names); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestReadDocumentsOfArchives(t *testing.T) {
	t.Parallel()
	good := "\"Model code\",\"m01-f\"\n\"1003\",\"4\"\n"
	empty := "\"Model code\",\"m01-f\"\n\"20/58\",\"4\"\n"
	torn := good + "\"1013"
	other := errors.New("the reader is not there")
	for name, c := range map[string]struct {
		data    []byte
		found   []string
		skipped []string
		single  string // the error of ReadSingle
	}{
		"one":       {packZIP(t, zipped{name: "a.csv", content: good}, zipped{name: "readme", content: "hello"}), []string{"a.csv"}, []string{"readme: this is text of no known layout"}, ""},
		"none":      {packZIP(t, zipped{name: "a.csv", content: empty}), nil, []string{"a.csv: a document without a social balance"}, "this is a ZIP without a social balance"},
		"so named":  {packZIP(t, zipped{name: "sociale balans.csv", content: "hello"}), []string{"sociale balans.csv"}, nil, "in the ZIP sociale balans.csv: this is text of no known layout"},
		"torn":      {packZIP(t, zipped{name: "x.csv", content: torn}), []string{"x.csv"}, nil, "nbb-csv, line 3, column 1: in the ZIP x.csv: "},
		"two":       {packZIP(t, zipped{name: "a.csv", content: good}, zipped{name: "b.csv", content: good}), []string{"a.csv", "b.csv"}, nil, "this is a ZIP with 2 social balances, where one is expected"},
		"no ZIP":    {[]byte(good), []string{""}, nil, ""},
		"too large": {packZIP(t, zipped{name: "a", content: strings.Repeat("a", 2<<20)}), nil, nil, "this ZIP unpacks to more than 100 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := balance.ReadSingle(c.data, newReader().Read); (err == nil) != (c.single == "") || err != nil && !strings.HasPrefix(err.Error(), c.single) {
				t.Errorf("as a single one: %v", err)
			}
			documents, _, err := balance.Documents(c.data, balance.ArchiveLimits{})
			if err != nil {
				return
			}
			found, others, err := balance.ReadDocuments(documents, newReader().Read)
			if err != nil {
				t.Fatal(err)
			}
			var names, skipped []string
			for _, f := range found {
				names = append(names, f.Path)
				if (f.Problem == nil) == (f.Balance == nil) || len(f.SHA256) != 64 {
					t.Errorf("%+v", f)
				}
			}
			for _, s := range others {
				skipped = append(skipped, s.Path+": "+s.What)
			}
			if diff := cmp.Diff(c.found, names) + cmp.Diff(c.skipped, skipped); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if _, _, err := balance.ReadDocuments(documents, func([]byte) (*balance.Balance, error) { return nil, other }); !errors.Is(err, other) {
				t.Errorf("an error of the reader: %v", err)
			}
		})
	}
}

// FuzzDocuments holds the walk of an archive to what Documents promises.
func FuzzDocuments(f *testing.F) {
	inner := packZIP(f, zipped{name: "x.csv", content: "x"})
	f.Add(inner)
	f.Add(packZIP(f, zipped{name: "a/b.zip", content: string(inner)}, zipped{name: `..\c`, content: "c"}))
	f.Add(packZIP(f, zipped{name: "caf\x82", content: "text", change: func(h *zip.FileHeader) { h.NonUTF8 = true }}))
	f.Add([]byte("KBO;Code;Boekjaar\n0403.170.701;1003;3,5\n0443.246.943;1003;7\n\n\"0443.246.943\";1023;7"))
	limits := balance.ArchiveLimits{Unpacked: 1 << 20, Files: 50, Ratio: 50, Document: 1 << 18}
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, skipped, err := balance.Documents(data, limits)
		if known := (*balance.ReadError)(nil); err != nil && !errors.As(err, &known) {
			t.Fatalf("an error that is no ReadError: %v", err)
		}
		seen := map[string]bool{}
		total := int64(0)
		for _, d := range documents {
			if d.Path == "" && len(documents) == 1 {
				return
			}
			for part := range strings.SplitSeq(d.Path, "/") {
				if part == ".." || part == "" && !strings.Contains(d.Path, balance.InArchive) || strings.ContainsAny(part, "\\\x00") {
					t.Errorf("the path %q", d.Path)
				}
			}
			if seen[d.Path] {
				t.Errorf("%q is there twice", d.Path)
			}
			seen[d.Path] = true
			content, err := d.Content()
			if total += int64(len(content)); total > limits.Unpacked || err == nil && int64(len(content)) != d.Size {
				t.Errorf("%q has %d bytes of %d, %d in all", d.Path, len(content), d.Size, total)
			}
		}
		if len(documents)+len(skipped) > limits.Files {
			t.Errorf("%d documents, %d skipped", len(documents), len(skipped))
		}
		balance.DescribeSkipped(skipped)
	})
}
