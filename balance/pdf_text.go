package balance

import (
	"math"
	"regexp"
	"slices"
	"strings"

	pdf "github.com/ledongthuc/pdf"
)

// affine is a matrix of PDF, as the operator cm takes it.
type affine [6]float64

func (m affine) times(n affine) affine {
	return affine{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

var upright = affine{1, 0, 0, 1, 0, 0}

// pdfState is the part of the graphics state that says where text stands.
type pdfState struct {
	ctm, tm, line                        affine
	size, spacing, blank, scale, leading float64
	rise                                 float64
	font                                 *pdfFont
	mode                                 int64
}

// pdfText reads the text of pages.
type pdfText struct {
	page    *textPage
	glyphs  []textWord
	content int // bytes of content read so far
	total   int // glyphs so far
	depth   int // of forms inside one another
}

// inlineImage is a picture within a content stream, whose bytes the library
// would take for text.
var inlineImage = regexp.MustCompile(`(?s)\sBI\s*/.{1,400}?\sID\s.*?\sEI\s`)

// read reads page n.
func (t *pdfText) read(r *pdf.Reader, n int) (page *textPage, err error) {
	page = &textPage{number: n}
	t.page, t.glyphs = page, t.glyphs[:0]
	err = guarded(func() error {
		p := r.Page(n)
		if p.V.IsNull() {
			return nil
		}
		s := pdfState{ctm: upright, scale: 1}
		switch inheritedOf(p.V, "Rotate").Int64() % 360 {
		case 90, -270:
			s.ctm = affine{0, -1, 1, 0, 0, 0}
		case 180, -180:
			s.ctm = affine{-1, 0, 0, -1, 0, 0}
		case 270, -90:
			s.ctm = affine{0, 1, -1, 0, 0, 0}
		}
		return t.run(p.V.Key("Contents"), inheritedOf(p.V, "Resources"), s)
	})
	page.words = wordsOfGlyphs(t.glyphs)
	return page, err
}

// inheritedOf finds an entry of a page or of what it is part of.
func inheritedOf(v pdf.Value, key string) pdf.Value {
	for range 50 {
		if found := v.Key(key); !found.IsNull() {
			return found
		}
		v = v.Key("Parent")
	}
	return pdf.Value{}
}

// run goes over a content stream.
func (t *pdfText) run(v, resources pdf.Value, s pdfState) error {
	data, err := pdfStream(v, maxPDFContent)
	if err != nil {
		return err
	}
	if t.content += len(data); t.content > maxPDFText {
		return errPDFLimit
	}
	if bare := inlineImage.ReplaceAll(data, []byte("\n")); len(bare) < len(data) {
		t.page.picture, data = true, bare
	}
	if len(data) == 0 {
		return nil
	}
	program, err := pdfProgram(data)
	if err != nil {
		return err
	}
	c := &pdfContent{pdfText: t, pdfState: s, resources: resources, fonts: map[string]*pdfFont{}}
	pdf.Interpret(program, c.operator)
	return nil
}

// pdfContent goes over one content stream.
type pdfContent struct {
	*pdfText
	pdfState
	resources pdf.Value
	saved     []pdfState
	fonts     map[string]*pdfFont
}

// operator does what an operator of a content stream says. The library ends in
// its panics.
func (c *pdfContent) operator(stk *pdf.Stack, op string) { //nolint:cyclop // one case for each operator of the format
	args := make([]pdf.Value, stk.Len())
	for i := len(args) - 1; i >= 0; i-- {
		args[i] = stk.Pop()
	}
	number := func(i int) float64 {
		if i >= len(args) {
			return 0
		}
		return args[i].Float64()
	}
	matrix := affine{number(0), number(1), number(2), number(3), number(4), number(5)}
	switch op {
	case "q":
		if len(c.saved) < 1000 {
			c.saved = append(c.saved, c.pdfState)
		}
	case "Q":
		if last := len(c.saved) - 1; last >= 0 {
			c.pdfState, c.saved = c.saved[last], c.saved[:last]
		}
	case "cm":
		c.ctm = matrix.times(c.ctm)
	case "Do":
		if len(args) == 1 {
			c.draw(c.resources.Key("XObject").Key(args[0].Name()))
		}
	case "BT":
		c.tm, c.line = upright, upright
	case "Tm":
		c.tm, c.line = matrix, matrix
	case "TD":
		c.leading = -number(1)
		c.move(number(0), number(1))
	case "Td":
		c.move(number(0), number(1))
	case "T*":
		c.move(0, -c.leading)
	case "Tf":
		if len(args) == 2 {
			c.font, c.size = c.fontNamed(args[0].Name()), number(1)
		}
	case "Tc":
		c.spacing = number(0)
	case "Tw":
		c.blank = number(0)
	case "Tz":
		c.scale = number(0) / 100
	case "TL":
		c.leading = number(0)
	case "Ts":
		c.rise = number(0)
	case "Tr":
		c.mode = int64(number(0))
	case "\"":
		c.blank, c.spacing = number(0), number(1)
		c.move(0, -c.leading)
		c.show(args)
	case "'":
		c.move(0, -c.leading)
		c.show(args)
	case "Tj", "TJ":
		c.show(args)
	}
}

func (c *pdfContent) move(x, y float64) {
	c.line = affine{1, 0, 0, 1, x, y}.times(c.line)
	c.tm = c.line
}

func (c *pdfContent) fontNamed(name string) *pdfFont {
	f, ok := c.fonts[name]
	if !ok {
		var err error
		if f, err = newPDFFont(c.resources.Key("Font").Key(name)); err != nil {
			panic(err)
		}
		c.fonts[name] = f
	}
	return f
}

// draw draws a picture or a form.
func (c *pdfContent) draw(v pdf.Value) {
	switch v.Key("Subtype").Name() {
	case "Image":
		c.page.picture = true
	case "Form":
		const most = 12
		if c.depth++; c.depth > most {
			panic(errPDFLimit)
		}
		s := c.pdfState
		if m := v.Key("Matrix"); m.Len() == 6 {
			var own affine
			for i := range own {
				own[i] = m.Index(i).Float64()
			}
			s.ctm = own.times(s.ctm)
		}
		resources := v.Key("Resources")
		if resources.IsNull() {
			resources = c.resources
		}
		if err := c.run(v, resources, s); err != nil {
			panic(err)
		}
		c.depth--
	}
}

// show shows the last operand, a string, or a list of strings and of moves to
// the left.
func (c *pdfContent) show(args []pdf.Value) {
	if len(args) == 0 {
		return
	}
	v := args[len(args)-1]
	if v.Kind() == pdf.String {
		c.showText(v.RawString())
	}
	for i := range v.Len() {
		if x := v.Index(i); x.Kind() == pdf.String {
			c.showText(x.RawString())
		} else {
			c.advance(-x.Float64() / 1000 * c.size)
		}
	}
}

func (c *pdfContent) advance(width float64) {
	c.tm = affine{1, 0, 0, 1, width * c.scale, 0}.times(c.tm)
}

func (c *pdfContent) showText(s string) {
	if c.font == nil {
		return
	}
	c.font.codes(s, func(code int, space bool) {
		width := c.font.width(code) / 1000 * c.size
		at := affine{c.size * c.scale, 0, 0, c.size, 0, c.rise}.times(c.tm).times(c.ctm)
		if text := c.font.text[code]; c.mode == 3 || c.mode == 7 {
			c.page.hidden = c.page.hidden || strings.TrimSpace(text) != ""
		} else if at[0] > 0 && math.Abs(at[1]) < at[0]/10 {
			if c.total++; c.total > maxPDFGlyphs {
				panic(errPDFLimit)
			}
			c.glyphs = append(c.glyphs, textWord{x: at[4], end: at[4] + c.font.width(code)/1000*at[0], y: at[5], size: math.Abs(at[3]), text: text})
		}
		width += c.spacing
		if space {
			width += c.blank
		}
		c.advance(width)
	})
}

// wordsOfGlyphs puts the letters of a page together to words.
func wordsOfGlyphs(glyphs []textWord) []textWord {
	glyphs = slices.DeleteFunc(glyphs, func(g textWord) bool { return strings.TrimSpace(g.text) == "" })
	var words []textWord
	for _, line := range linesOfWords(glyphs, 1) {
		for _, g := range line {
			if n := len(words) - 1; n >= 0 && words[n].y == line[0].y && g.x-words[n].end < 0.15*g.size && g.x > words[n].x-0.1*g.size {
				if !sameGlyph(words[n], g) { // bold text may be written twice, a little apart
					words[n].text += g.text
				}
				words[n].end = max(words[n].end, g.end)
				continue
			}
			g.y = line[0].y
			words = append(words, g)
		}
	}
	return words
}

// sameGlyph tells whether a letter is the last one of a word, written again.
func sameGlyph(w, g textWord) bool {
	return strings.HasSuffix(w.text, g.text) && math.Abs(w.end-g.end) < 0.1*g.size
}
