package balance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"

	pdf "github.com/ledongthuc/pdf"
)

// The bounds of a PDF. Annual accounts have up to some 200 pages and a few
// thousand objects.
const (
	maxPDFPages   = 1000
	maxPDFReads   = 50_000   // reads of the file, and one more for each 256 bytes of it
	maxPDFFrames  = 4000     // calls inside one another
	maxPDFContent = 8 << 20  // bytes of one page, unpacked
	maxPDFText    = 64 << 20 // bytes of all pages, unpacked
	maxPDFGlyphs  = 2_000_000
)

// errPDFLimit is what a PDF ends in that has more of something than any filing.
var errPDFLimit = errors.New("it is larger or more deeply nested than any filing")

// pdfFile gives a PDF to the library, which reads an object again each time it
// is asked for. A file whose objects lead in a circle or into one another would
// never end or use up the stack, which cannot be caught: the number of reads and
// the calls inside one another are bounded here.
type pdfFile struct {
	data  []byte
	reads int
}

func (f *pdfFile) ReadAt(p []byte, off int64) (int, error) {
	var frame [1]uintptr
	if f.reads++; f.reads > maxPDFReads+len(f.data)/256 || runtime.Callers(maxPDFFrames, frame[:]) > 0 {
		panic(errPDFLimit)
	}
	if off < 0 || off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// openPDF opens a PDF whose bytes are all there, and may change them. An encrypted
// one is opened with the empty password.
func openPDF(data []byte) (r *pdf.Reader, err error) {
	start := bytes.Index(data, []byte(pdfMark))
	end := bytes.LastIndex(data, []byte("%%EOF"))
	if start < 0 || end < start {
		return nil, &ReadError{Kind: CauseDamaged, What: "this PDF breaks off or is damaged; take it again from where it came"}
	}
	data = data[start : end+len("%%EOF")]
	if len(data) > 10 { // the library takes 1.0 to 1.7 and a line end alone, and reads 2.0 as well
		copy(data, "%PDF-1.7\n") // and no more: the first object can follow at once
	}
	if !soundXref(data) {
		return nil, &ReadError{Kind: CauseDamaged, What: "this PDF is damaged; take it again from where it came"}
	}
	if encrypted := pdfEncrypt.FindAllIndex(data, -1); len(encrypted) > 0 {
		for _, at := range encrypted {
			copy(data[at[0]:], "/"+hiddenEncrypt)
		}
		r, err = decryptPDF(data)
	} else {
		err = guarded(func() (err error) {
			r, err = pdf.NewReader(&pdfFile{data: data}, int64(len(data)))
			return err
		})
	}
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, errPDFLimit):
		return nil, pdfTooLarge()
	case errors.Is(err, errPDFPassword):
		return nil, &ReadError{Kind: CausePassword, What: "this PDF wants a password; open it with the password and save or print it as a PDF without one"}
	case errors.Is(err, errPDFAES256):
		return nil, &ReadError{Kind: CauseEncrypted, What: "this PDF is encrypted with AES-256, which cannot be opened here; open it and print it as a PDF without encryption"}
	case errors.Is(err, errPDFCipher):
		return nil, &ReadError{Kind: CauseEncrypted, What: "this is an encrypted PDF that cannot be opened; print it as a PDF without encryption"}
	}
	return nil, &ReadError{Kind: CauseDamaged, What: "this PDF is damaged; take it again from where it came"}
}

func pdfTooLarge() error {
	return &ReadError{What: "this PDF has more pages, objects or text than any filing"}
}

// guarded calls the library, which panics where a PDF is not as it expects, and
// gives the panic as an error.
func guarded(f func() error) (err error) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case error:
			err = x
		default:
			err = fmt.Errorf("%v", x)
		}
	}()
	return f()
}

var (
	startXref  = regexp.MustCompile(`startxref[\r\n\s]+(\d+)`)
	prevXref   = regexp.MustCompile(`/Prev\s+(\d+)`)
	xrefRange  = regexp.MustCompile(`(?m)^[ \t]*(\d+)[ \t]+(\d+)[ \t]*\r?$`)
	pdfStrings = regexp.MustCompile(`\([^)]*\)|<[0-9A-Fa-f\s]*>`)
	pdfInteger = regexp.MustCompile(`\d{5,}`)
)

// soundXref tells whether the tables of objects name no more objects than the
// file can have. The library makes room for as many as they say.
func soundXref(data []byte) bool {
	m := startXref.FindAllSubmatch(data[max(0, len(data)-200):], -1)
	if len(m) == 0 {
		return false
	}
	most := max(len(data), 1<<17)
	at, _ := strconv.Atoi(string(m[len(m)-1][1]))
	seen := map[int]bool{}
	for len(seen) < 1000 {
		if at < 0 || at >= len(data) || seen[at] {
			return false
		}
		seen[at] = true
		section := data[at:]
		if end := bytes.Index(section, []byte("startxref")); end >= 0 {
			section = section[:end]
		}
		if bytes.HasPrefix(bytes.TrimSpace(section[:min(len(section), 50)]), []byte("xref")) {
			table, trailer, _ := bytes.Cut(section, []byte("trailer"))
			for _, r := range xrefRange.FindAllSubmatch(table, -1) {
				first, err := strconv.Atoi(string(r[1]))
				count, err2 := strconv.Atoi(string(r[2]))
				if err != nil || err2 != nil || first > most || count > most {
					return false
				}
			}
			section = trailer
		} else {
			section, _, _ = bytes.Cut(section, []byte("stream"))
		}
		section = pdfStrings.ReplaceAll(section[:min(len(section), 64<<10)], nil)
		for _, n := range pdfInteger.FindAll(section, -1) {
			if v, err := strconv.Atoi(string(n)); err != nil || v > most {
				return false
			}
		}
		prev := prevXref.FindSubmatch(section)
		if prev == nil {
			return true
		}
		at, _ = strconv.Atoi(string(prev[1]))
	}
	return false
}

// pdfProgram gives a content stream to the library's interpreter, which takes
// one only out of a file.
func pdfProgram(data []byte) (v pdf.Value, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-1.7\n1 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", len(data), data)
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 2/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF", at)
	r, err := pdf.NewReader(&pdfFile{data: b.Bytes()}, int64(b.Len()))
	if err != nil {
		return v, err
	}
	return r.Trailer().Key("Root"), nil
}

// pdfStream reads the data of a stream, or of the streams of a list, which then
// are one; most bounds its bytes.
func pdfStream(v pdf.Value, most int) ([]byte, error) {
	if v.Kind() != pdf.Array {
		if v.Kind() != pdf.Stream {
			return nil, nil
		}
		data, err := io.ReadAll(io.LimitReader(v.Reader(), int64(most)+1))
		if len(data) > most {
			return nil, errPDFLimit
		}
		return data, err
	}
	var all []byte
	for i := range v.Len() {
		data, err := pdfStream(v.Index(i), most-len(all))
		if err != nil {
			return nil, err
		}
		all = append(append(all, data...), '\n')
		if len(all) > most {
			return nil, errPDFLimit
		}
	}
	return all, nil
}
