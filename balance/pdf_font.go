package balance

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf16"

	pdf "github.com/ledongthuc/pdf"
)

// pdfFont tells the text and the widths of the codes of a font.
type pdfFont struct {
	wide     bool // codes have two bytes
	text     map[int]string
	widths   map[int]float64 // in thousandths of the size
	fallback float64         // the width of the other codes; 0: that of Helvetica
}

// The widths of Helvetica, from the blank to the tilde, and that of most other
// letters.
var helvetica = [...]float64{278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584}

const letterWidth = 556

// maxFontCodes bounds what is read of a font, which has 65,536 codes at most.
const maxFontCodes = 1 << 16

// newPDFFont reads a font. What it does not say is read as most programs do.
func newPDFFont(v pdf.Value) (*pdfFont, error) {
	f := &pdfFont{text: map[int]string{}, widths: map[int]float64{}, wide: v.Key("Subtype").Name() == "Type0"}
	toUnicode := v.Key("ToUnicode")
	encoding := v.Key("Encoding")
	if !f.wide && (encoding.Kind() == pdf.Name && encoding.Name() != "Identity-H" || encoding.Kind() == pdf.Dict && encoding.Key("Differences").Len() <= 1000 || toUnicode.Kind() != pdf.Stream) {
		if encoding.Kind() != pdf.Name && encoding.Kind() != pdf.Dict {
			f.latin()
		} else {
			font := pdf.Font{V: v}
			e := font.Encoder()
			for code := range 256 {
				f.text[code] = e.Decode(string([]byte{byte(code)}))
			}
		}
	}
	if toUnicode.Kind() == pdf.Stream {
		if err := f.readToUnicode(toUnicode); err != nil {
			return nil, err
		}
	}
	if f.wide {
		f.readWideWidths(v.Key("DescendantFonts").Index(0))
		return f, nil
	}
	first, widths := int(v.Key("FirstChar").Int64()), v.Key("Widths")
	for i := range min(widths.Len(), 256) {
		if w := widths.Index(i).Float64(); w > 0 {
			f.widths[first+i] = w
		}
	}
	f.fallback = v.Key("FontDescriptor").Key("MissingWidth").Float64()
	return f, nil
}

// latin gives the codes the text of Latin letters, as the standard fonts do.
func (f *pdfFont) latin() {
	for code := ' '; code < 256; code++ {
		f.text[int(code)] = decodeWestern([]byte{byte(code)})
	}
}

// readWideWidths reads the widths of a font with codes of two bytes.
func (f *pdfFont) readWideWidths(d pdf.Value) {
	f.fallback = 1000
	if dw := d.Key("DW"); dw.Kind() == pdf.Integer || dw.Kind() == pdf.Real {
		f.fallback = dw.Float64()
	}
	w := d.Key("W")
	for i := 0; i+1 < w.Len() && len(f.widths) < maxFontCodes; {
		first, next := int(w.Index(i).Int64()), w.Index(i+1)
		if next.Kind() == pdf.Array {
			for k := range min(next.Len(), maxFontCodes) {
				f.widths[first+k] = next.Index(k).Float64()
			}
			i += 2
			continue
		}
		width := w.Index(i + 2).Float64()
		for code := first; code <= int(next.Int64()) && len(f.widths) < maxFontCodes; code++ {
			f.widths[code] = width
		}
		i += 3
	}
}

// toUnicodeLists are the parts of a table of texts that have texts.
var toUnicodeLists = regexp.MustCompile(`(?s)beginbf(?:char|range).*?endbf(?:char|range)`)

// readToUnicode reads the table that says which text the codes of a font are.
// The library's own reader of it makes room for as many codes as the table says
// it has.
func (f *pdfFont) readToUnicode(v pdf.Value) error {
	data, err := pdfStream(v, 1<<20)
	if err != nil {
		return err
	}
	program, err := pdfProgram(bytes.Join(toUnicodeLists.FindAll(data, -1), []byte("\n")))
	if err != nil {
		return err
	}
	pdf.Interpret(program, func(stk *pdf.Stack, op string) {
		switch op {
		case "beginbfchar", "beginbfrange":
			for stk.Len() > 0 {
				stk.Pop()
			}
		case "endbfchar":
			for stk.Len() >= 2 {
				text, code := stk.Pop(), stk.Pop()
				f.learn(code.RawString(), 0, text.RawString())
			}
		case "endbfrange":
			for stk.Len() >= 3 {
				text, last, first := stk.Pop(), stk.Pop().RawString(), stk.Pop().RawString()
				f.learnRange(codeOf(first), codeOf(last), len(first), text)
			}
		}
	})
	return nil
}

// learnRange takes what a table says of the codes from first to last.
func (f *pdfFont) learnRange(first, last, size int, text pdf.Value) {
	start := string([]byte{byte(first >> 8), byte(first)})[2-min(size, 2):]
	for i := 0; first+i <= last && i < maxFontCodes && len(f.text) <= maxFontCodes; i++ {
		if text.Kind() != pdf.Array {
			f.learn(start, i, text.RawString())
		} else if i < text.Len() {
			f.learn(start, i, text.Index(i).RawString())
			continue
		} else {
			return
		}
	}
}

// learn takes the text of the code i after start; text is that of start for a
// string.
func (f *pdfFont) learn(start string, i int, text string) {
	if start == "" || len(text) < 2 || len(text) > 64 || len(f.text) > maxFontCodes {
		return
	}
	units := make([]uint16, 0, len(text)/2)
	for k := 0; k+1 < len(text); k += 2 {
		units = append(units, uint16(text[k])<<8|uint16(text[k+1]))
	}
	units[len(units)-1] += uint16(i)
	f.text[codeOf(start)+i] = string(utf16.Decode(units))
}

func codeOf(s string) (code int) {
	for i := range min(len(s), 4) {
		code = code<<8 | int(s[i])
	}
	return code
}

// codes splits a string into the codes of the font.
func (f *pdfFont) codes(s string, each func(code int, space bool)) {
	if !f.wide {
		for i := range len(s) {
			each(int(s[i]), s[i] == ' ')
		}
		return
	}
	for i := 0; i+1 < len(s); i += 2 {
		each(int(s[i])<<8|int(s[i+1]), false)
	}
}

// width gives the width of a code in thousandths of the size.
func (f *pdfFont) width(code int) float64 {
	if w, ok := f.widths[code]; ok {
		return w
	}
	if f.fallback > 0 {
		return f.fallback
	}
	text := strings.TrimSpace(f.text[code])
	if text == "" {
		return helvetica[0]
	}
	if c := text[0]; c >= ' ' && int(c-' ') < len(helvetica) {
		return helvetica[c-' ']
	}
	return letterWidth
}
