package balance_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/internal/testenv"

	"golang.org/x/text/encoding/unicode"
)

// large is the size of the documents of TestMemory: the most that the National
// Bank accepts, in bytes.
const large = 50_000_000

// readInput makes a process read its standard input.
const readInput = "BALANSD_TEST_READ_INPUT"

// TestMain reads one document from the standard input instead of running the
// tests where it is told to, and prints what memory that took: nothing else
// then has taken any.
func TestMain(m *testing.M) {
	if os.Getenv(readInput) == "" {
		os.Exit(m.Run())
	}
	b, err := newReader().Stream(os.Stdin)
	var known *balance.ReadError
	if err != nil && !errors.As(err, &known) {
		fmt.Println(err)
		os.Exit(1)
	}
	cells := 0
	if b != nil {
		cells = len(b.Values)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("%d %d %v\n", stats.Sys, cells, err)
}

// largeDocument writes a document of about the size of large.
type largeDocument struct {
	cells int    // figures that it has; -1 where it is refused
	want  string // of the refusal
	write func(w io.Writer)
}

// fill writes what part gives for 0, 1, 2 ... until there are so many bytes.
func fill(w io.Writer, size int, part func(i int) string) {
	for i := 0; size > 0; i++ {
		n, err := io.WriteString(w, part(i))
		if err != nil {
			return // who reads has seen enough
		}
		size -= n
	}
}

// largeXBRL writes a document with something put before its end or its start.
func largeXBRL(doc string, atStart bool, part func(i int) string) func(io.Writer) {
	at := strings.LastIndex(doc, "</")
	if atStart {
		at = strings.Index(doc, ">\n<link:schemaRef") + 1
	}
	return func(w io.Writer) {
		_, _ = io.WriteString(w, doc[:at])
		fill(w, large-len(doc), part)
		_, _ = io.WriteString(w, doc[at:])
	}
}

func largeDocuments(t testing.TB) map[string]largeDocument {
	cbso, pfs := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "pfs-2020-full-company.xbrl")
	csv, js := document(t, "csv-m02-full.csv"), document(t, "json-full.json")
	cells := func(doc string) int { return len(mustRead(t, []byte(doc)).Values) }
	context := func(i int, member string) string {
		return fmt.Sprintf(`<context id="x%d"><entity><identifier scheme="http://www.fgov.be">0701000093</identifier></entity><period><instant>2024-09-30</instant></period><scenario><xbrldi:explicitMember dimension="dim:bas">bas:m%d</xbrldi:explicitMember><xbrldi:explicitMember dimension="dim:part">part:%s</xbrldi:explicitMember></scenario></context>`, i, i%200, member)
	}
	comment := "<!-- " + strings.Repeat("padding ", 1000) + "-->\n"
	return map[string]largeDocument{
		"annual accounts": {cells(cbso), "", largeXBRL(cbso, false, func(i int) string {
			return context(i, "m3") + "\n" + fmt.Sprintf(`<met:am2 contextRef="x%d" unitRef="e" decimals="INF">%d.5</met:am2>`+"\n", i, i)
		})},
		"facts of pfs": {cells(pfs), "", largeXBRL(pfs, false, func(i int) string {
			return fmt.Sprintf(`<pfs:Assets decimals="INF" contextRef="CurrentInstant" unitRef="E">%d</pfs:Assets>`+"\n", i)
		})},
		"comments": {cells(pfs), "", largeXBRL(pfs, false, func(int) string { return comment })},
		"one long value": {cells(pfs), "", func(w io.Writer) {
			at := strings.LastIndex(pfs, "</")
			_, _ = io.WriteString(w, pfs[:at]+"<pfs:Text contextRef='CurrentInstant'>")
			fill(w, large-len(pfs), func(int) string { return "words and more words " })
			_, _ = io.WriteString(w, "</pfs:Text>"+pfs[at:])
		}},
		"UTF-16": {cells(pfs), "", func(w io.Writer) {
			e := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Writer(w)
			_, _ = io.WriteString(e, pfs)
			fill(e, large/2-len(pfs), func(int) string { return comment })
		}},
		"CSV": {cells(csv), "", func(w io.Writer) {
			_, _ = io.WriteString(w, csv)
			fill(w, large-len(csv), func(i int) string { return fmt.Sprintf("\"9%d\",\"%d.5\"\n", i, i) })
		}},
		"JSON": {cells(js), "", func(w io.Writer) {
			_, _ = io.WriteString(w, `{"Administrators": [1`)
			fill(w, large-len(js), func(i int) string { return fmt.Sprintf(`, {"Name": "n%d", "x": [null, true, -1.5e3]}`, i) })
			_, _ = io.WriteString(w, `], `+js[strings.Index(js, "{")+1:])
		}},
		"PDF": {cells(csv), "", func(w io.Writer) {
			objects := []string{"<< /Type /Catalog /Pages 2 0 R /AF [ << /EF << /F 4 0 R >> >> ] >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R >>", packed("/Type /EmbeddedFile", csv)}
			for range large / 500_000 {
				objects = append(objects, stream("/Type /XObject /Subtype /Image", strings.Repeat("picture ", 500_000/8)))
			}
			_, _ = io.WriteString(w, pdf(objects...))
		}},
		"social contexts": {-1, "more contexts and facts than any filing has", largeXBRL(cbso, false, func(i int) string { return context(i, "m8") + "\n" })},
		"facts first": {-1, "more contexts and facts than any filing has", largeXBRL(cbso, true, func(i int) string {
			return fmt.Sprintf(`<met:int3 contextRef="late%d" unitRef="p">%d</met:int3>`+"\n", i, i)
		})},
		"figures": {-1, "more contexts and facts than any filing has", largeXBRL(pfs, false, func(i int) string {
			return fmt.Sprintf(`<pfs:PersonnelCostsTotal contextRef="CurrentDuration" unitRef="E">%d</pfs:PersonnelCostsTotal>`+"\n", i)
		})},
		"units": {-1, "more contexts and facts than any filing has", largeXBRL(cbso, true, func(i int) string {
			return fmt.Sprintf(`<unit id="u%d"><measure>iso4217:EUR</measure></unit>`+"\n", i)
		})},
		"prefixes": {cells(pfs), "", largeXBRL(pfs, false, func(i int) string {
			return fmt.Sprintf(`<p%d:x xmlns:p%d="urn:%d" y%d=""/>`+"\n", i, i, i, i)
		})},
		"members": {-1, "more contexts and facts than any filing has", largeXBRL(cbso, false, func(i int) string {
			return fmt.Sprintf(`<context id="x%d"><scenario><xbrldi:explicitMember dimension="dim:d%d">bas:m%d</xbrldi:explicitMember></scenario></context>`, i, i, i)
		})},
	}
}

// TestMemory reads documents of 50 MB, each in a process of its own, and holds
// the memory that the process ever took from the system under 64 MiB, but for a
// PDF, which is kept in memory as a whole.
func TestMemory(t *testing.T) {
	testenv.Need(t, testenv.Large)
	if underRace {
		t.Skip("the race detector takes memory of its own: runs without -race")
	}
	for name, d := range largeDocuments(t) {
		t.Run(name, func(t *testing.T) {
			memory, cells, refusal := readApart(t, d)
			t.Logf("%.1f MiB", float64(memory)/(1<<20))
			most := 64 << 20
			if name == "PDF" { // it is kept in memory as a whole
				most = 256 << 20
			}
			if memory >= most {
				t.Errorf("reading took %d bytes, more than %d", memory, most)
			}
			if d.cells >= 0 && cells != d.cells || d.cells < 0 && !strings.Contains(refusal, d.want) {
				t.Errorf("%d figures and %q, want %d and %q", cells, refusal, d.cells, d.want)
			}
		})
	}
}

// readApart reads a document in a process of its own.
func readApart(t testing.TB, d largeDocument) (memory, cells int, refusal string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), readInput+"=1", "GOGC=100", "GOMEMLIMIT=off", "GODEBUG=")
	r, w := io.Pipe()
	c.Stdin = r
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := bufio.NewWriterSize(w, 256<<10)
		d.write(b)
		_ = w.CloseWithError(b.Flush())
	}()
	out, err := c.Output()
	_ = r.Close()
	<-done
	fields := strings.SplitN(strings.TrimSpace(string(out)), " ", 3)
	if err != nil || len(fields) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	memory, _ = strconv.Atoi(fields[0])
	cells, _ = strconv.Atoi(fields[1])
	return memory, cells, fields[2]
}
