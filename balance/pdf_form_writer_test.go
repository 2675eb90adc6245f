package balance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"balansd/balance"

	"golang.org/x/text/encoding/charmap"
)

// printed is a text at a place of a page, in points from its upper left.
type printed struct {
	x, y float64
	text string
}

// formTable is a table of the form: its rows, and the heads of its columns by
// what they stand for. A head is the code that its rubrics have behind that of
// the row, with a P for the previous year.
type formTable struct {
	heads []string // suffix, = and the key of the words
	rows  []string
}

// forms are the tables of the models, a list for each page.
var forms = map[balance.Model][][]formTable{
	balance.Full: {
		{{[]string{"=total", "1=1men", "2=2women"}, []string{"1001", "1002", "1003", "1011", "1012", "1013", "1021", "1022", "1023", "1033"}},
			{[]string{"P=Ptotal", "1P=1Pmen", "2P=2Pwomen"}, []string{"1003", "1013", "1023", "1033"}}},
		{{[]string{"1=1ft", "2=2pt", "3=3total"}, closingRows}},
		{{[]string{"1=agency", "2=seconded"}, []string{"150", "151", "152"}},
			{[]string{"1=1ft", "2=2pt", "3=3total"}, []string{"205", "210", "211", "212", "213", "305", "310", "311", "312", "313", "340", "341", "342", "343", "350"}}},
		{{nil, trainingRows}},
	},
	balance.Abbreviated: {
		{{[]string{"1=1ft", "2=2pt", "3=3total", "3P=3Ptotal"}, []string{"100", "101", "102"}}, {[]string{"1=1ft", "2=2pt", "3=3total"}, closingRows}},
		{{[]string{"1=1ft", "2=2pt", "3=3total"}, []string{"205", "305"}}, {nil, trainingRows}},
	},
}

var (
	closingRows = []string{"105", "110", "111", "112", "113", "120", "1200", "1201", "1202", "1203", "121", "1210", "1211", "1212", "1213", "130", "134", "132", "133"}
	// the codes for men; those for women are 10 more, or 100
	trainingRows = []string{"5801", "5802", "5803", "58031", "58032", "58033", "5821", "5822", "5823", "5841", "5842", "5843"}
)

// formWords are the words of the form, by language.
var formWords = map[balance.Lang]map[string]string{
	balance.Dutch: {"title": "SOCIALE BALANS", "total": "Totaal", "1men": "1. Mannen", "2women": "2. Vrouwen", "Ptotal": "P. Totaal", "1Pmen": "1P. Mannen", "2Pwomen": "2P. Vrouwen",
		"men": "Mannen", "women": "Vrouwen", "1ft": "1. Voltijds|(boekjaar)", "2pt": "2. Deeltijds|(boekjaar)", "3total": "3. Totaal (T) of totaal in|voltijdse equivalenten|(VTE)", "3Ptotal": "3P. Totaal (T) of totaal in|voltijdse equivalenten|(vorig boekjaar)",
		"agency": "1. Uitzendkrachten", "seconded": "2. Ter beschikking van de|onderneming gestelde personen", "committees": "Nummers van de paritaire comités die bevoegd zijn:",
		"year": "het boekjaar dat de periode dekt van", "before": "het vorige boekjaar van", "to": "tot", "name": "Naam :", "full": "VOL-kap 10", "abbreviated": "VKT-kap 12", "micro": "MIC-kap 11", "label": "waarvan universitair onderwijs (vorig boekjaar)"},
	balance.French: {"title": "BILAN SOCIAL", "total": "Total", "1men": "1. Hommes", "2women": "2. Femmes", "Ptotal": "P. Total", "1Pmen": "1P. Hommes", "2Pwomen": "2P. Femmes",
		"men": "Hommes", "women": "Femmes", "1ft": "1. Temps plein|(exercice)", "2pt": "2. Temps partiel|(exercice)", "3total": "3. Total (T) ou total en|équivalents|temps plein (ETP)", "3Ptotal": "3P. Total (T) ou total en|équivalents temps plein|(exercice précédent)",
		"agency": "1. Personnel intérimaire", "seconded": "2. Personnes mises à la|disposition de l'entreprise", "committees": "Numéros des commissions paritaires dont dépend l'entreprise :",
		"year": "l'exercice couvrant la période du", "before": "l'exercice précédent du", "to": "au", "name": "Dénomination :", "full": "C-cap 10", "abbreviated": "A-cap 12", "micro": "M-cap 11", "label": "de niveau universitaire"},
	balance.German: {"title": "SOZIALBILANZ", "total": "Gesamt", "1men": "1. Männer", "2women": "2. Frauen", "Ptotal": "P. Gesamt", "1Pmen": "1P. Männer", "2Pwomen": "2P. Frauen",
		"men": "Männer", "women": "Frauen", "1ft": "1. Vollzeit|(Geschäftsjahr)", "2pt": "2. Teilzeit|(Geschäftsjahr)", "3total": "3. Gesamt (G) oder Gesamt|in Vollzeitäquivalenten", "3Ptotal": "3P. Gesamt (G) oder|Vollzeitäquivalente|(vorhergehendes Jahr)",
		"agency": "1. Leiharbeitskräfte", "seconded": "2. Dem Unternehmen zur|Verfügung gestellte Personen", "committees": "Nummern der zuständigen paritätischen Kommissionen:",
		"year": "das Geschäftsjahr für den Zeitraum vom", "before": "das vorhergehende Geschäftsjahr vom", "to": "bis zum", "name": "Bezeichnung:", "full": "", "abbreviated": "", "micro": "", "label": "Universitätsausbildung"},
}

// form makes the pages of a form in a language, as the National Bank prints it.
type form struct {
	b      *balance.Balance
	lang   balance.Lang
	pages  [][]printed
	amount func(balance.Cell) string // what is printed for a cell
	left   map[balance.Cell]bool     // cells that are not printed yet
}

func newForm(b *balance.Balance, lang balance.Lang) *form {
	f := &form{b: b, lang: lang, left: map[balance.Cell]bool{}}
	for c := range b.Values {
		f.left[c] = true
	}
	f.amount = func(c balance.Cell) string {
		v, ok := b.Values[c]
		if !ok {
			return ""
		}
		delete(f.left, c)
		if r, _ := balance.RubricOf(c.Code); r.Unit == balance.Money {
			v = v.Round(0)
		}
		return balance.Dutch.Figure(v, 0)
	}
	return f
}

// print prints the form. Every figure of the balance has to find its place.
func (f *form) print(t testing.TB) [][]printed {
	t.Helper()
	words := formWords[f.lang]
	model := f.b.Model
	if model == balance.Micro {
		model = balance.Abbreviated
	}
	date := func(d balance.Date) string { return fmt.Sprintf("%02d-%02d-%04d", d.Day, d.Month, d.Year) }
	first := []printed{{30, 35, "2025-00069236"}, {203, 35, "EUR"}, {31, 197, words["name"]}, {123, 197, f.b.Name},
		{51, 565, words["year"]}, {324, 565, date(f.b.FiscalYear.Start)}, {418, 565, words["to"]}, {474, 565, date(f.b.FiscalYear.End)},
		{51, 599, words["before"]}, {324, 599, "01-01-2001"}, {418, 599, words["to"]}, {474, 599, "31-12-2001"}}
	capital := []printed{{25, 35, "N°"}, {53, 35, f.b.EnterpriseNumber.String()}, {23, 100, "PASSIVA"}, {342, 130, "Codes"}, {400, 130, "Boekjaar"}, {500, 130, "Vorig boekjaar"},
		{342, 160, "100"}, {430, 160, "7.252.006"}, {530, 160, "4.952.175"}, {342, 172, "130"}, {430, 172, "99.999"}, {342, 184, "1033"}, {430, 184, "12"}}
	f.pages = append(f.pages, first, capital)
	for i, tables := range forms[model] {
		page := []printed{{25, 35, "N°"}, {53, 35, f.b.EnterpriseNumber.String()}, {519, 35, words[string(f.b.Model)]}}
		if i == 0 {
			page = append(page, printed{23, 65, words["title"]}, printed{25, 90, words["committees"]}, printed{310, 90, strings.Join(f.b.JointCommittees, "  -  ")})
		}
		y := 130.0
		for _, table := range tables {
			page, y = f.table(page, table, y)
		}
		page = append(page, printed{520, 832, fmt.Sprintf("Page %d of 19", i+3)})
		f.pages = append(f.pages, page)
	}
	if len(f.left) > 0 {
		t.Fatalf("no place on the form for %v", f.left)
	}
	return f.pages
}

// table prints a table from a height on, and gives where the next one starts.
func (f *form) table(page []printed, table formTable, y float64) ([]printed, float64) {
	words := formWords[f.lang]
	if table.heads == nil {
		return f.training(page, y)
	}
	page = append(page, printed{165, y + 10, "Codes"})
	width := 390.0 / float64(len(table.heads))
	column := func(i int) float64 { return 195 + float64(i)*width }
	for i, h := range table.heads {
		_, key, _ := strings.Cut(h, "=")
		for k, line := range strings.Split(words[key], "|") {
			x := column(i) + (width-widthOf(line))/2
			page = append(page, printed{x, y + float64(k)*10, line})
		}
	}
	y += 48
	for _, row := range table.rows {
		page = append(page, printed{25, y, words["label"][:20]}, printed{163, y, row})
		for i, h := range table.heads {
			suffix, _, _ := strings.Cut(h, "=")
			code, previous := strings.CutSuffix(suffix, "P")
			if text := f.amount(balance.Cell{Code: row + code, Previous: previous}); text != "" {
				page = append(page, printed{column(i+1) - 8 - widthOf(text), y, text})
			}
		}
		y += 11.8
	}
	return page, y + 20
}

// training prints the table of training, with a column of codes for men and one
// for women.
func (f *form) training(page []printed, y float64) ([]printed, float64) {
	words := formWords[f.lang]
	page = append(page, printed{305, y, "Codes"}, printed{371, y, words["men"]}, printed{442, y, "Codes"}, printed{507, y, words["women"]})
	y += 20
	for _, row := range trainingRows {
		women := fmt.Sprint(atoi(row[:4])+10) + row[4:]
		for i, code := range []string{row, women} {
			x := 303.5 + float64(i)*137
			page = append(page, printed{x, y, code})
			if text := f.amount(balance.Cell{Code: code}); text != "" {
				page = append(page, printed{x + 125 - widthOf(text), y, text})
			}
		}
		y += 11.8
	}
	return page, y + 20
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

// widthOf gives about the width of a text of 7 points in Helvetica.
func widthOf(text string) float64 {
	width := 0.0
	for _, c := range text {
		switch c {
		case '.', ',', ' ', 'i', 'j', 'l', 't', 'f', 'r', 'I', '-', '(', ')', '\'', ':', '/':
			width += 0.278
		case 'm', 'M', 'w', 'W':
			width += 0.833
		default:
			width += 0.556
		}
	}
	return width * 7
}

// paper is how texts are written on pages.
type paper struct {
	shift, down float64
	font        string // objects of the font: standard, widths or wide
	each        bool   // every letter is placed by itself
	turned      bool   // the page is turned by 90 degrees
	inForm      bool   // the text is in a form that the page draws
	flat        bool   // not packed
}

const pageHeight = 842

// write makes a PDF of pages.
func (p paper) write(pages [][]printed) string {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", p.fontObject(), "<< /Type /Font /DescendantFont true >>", toUnicode}
	kids := ""
	for _, page := range pages {
		n := len(objects)
		kids += fmt.Sprintf("%d 0 R ", n+1)
		content, resources := p.content(page), "<< /Font << /F1 3 0 R >> >>"
		rotate := ""
		if p.turned {
			rotate = "/Rotate 90 "
			content = "0 1 -1 0 842 0 cm\n" + content
		}
		text := packed("", content)
		if p.flat {
			text = stream("", content)
		}
		if p.inForm {
			form := packed("/Type /XObject /Subtype /Form /BBox [0 0 900 900] /Matrix [1 0 0 1 0 7] /Resources "+resources, content)
			objects = append(objects, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /XObject << /X1 %d 0 R >> >> >>", n+2, n+3),
				stream("", "q 1 0 0 1 0 -7 cm /X1 Do Q"), form)
			continue
		}
		objects = append(objects, fmt.Sprintf("<< /Type /Page /Parent 2 0 R %s/Contents [%d 0 R] /Resources %s >>", rotate, n+2, resources), text)
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] >>", kids, len(pages))
	return pdf(objects...)
}

// content writes the texts of a page.
func (p paper) content(page []printed) string {
	var b strings.Builder
	b.WriteString("BT /F1 7 Tf\n")
	for _, t := range page {
		x, y := t.x+p.shift, pageHeight-t.y-p.down
		if !p.each {
			fmt.Fprintf(&b, "1 0 0 1 %.2f %.2f Tm %s\n", x, y, p.show(t.text))
			continue
		}
		for _, c := range t.text {
			fmt.Fprintf(&b, "1 0 0 1 %.2f %.2f Tm %s\n", x, y, p.show(string(c)))
			x += widthOf(string(c))
		}
	}
	return b.String() + "ET\n"
}

func (p paper) show(text string) string {
	encoded, _ := charmap.Windows1252.NewEncoder().String(text)
	if p.font == "wide" {
		hex := ""
		for i := range len(encoded) {
			hex += fmt.Sprintf("%04x", int(encoded[i])+0x100)
		}
		return "[<" + hex + ">] TJ"
	}
	return "(" + strings.NewReplacer("\\", "\\\\", "(", "\\(", ")", "\\)").Replace(encoded) + ") Tj"
}

func (p paper) fontObject() string {
	switch p.font {
	case "widths":
		return "<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Arial /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 255 /Widths [" + strings.Repeat("500 ", 224) + "] >>"
	case "wide":
		return "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [<< /Subtype /CIDFontType2 /DW 500 /W [ 288 [278] 300 310 520 ] >>] /ToUnicode 5 0 R >>"
	}
	return "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
}

// toUnicode maps the codes of the wide font, from 0x120 on, to Latin letters.
var toUnicode = stream("", "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <0000> <ffff> endcodespacerange\n"+
	"1 beginbfrange <0120> <017e> <0020> endbfrange 3 beginbfchar <0192> <2019> <01e9> <00e9> <01b0> <00b0> endbfchar\n"+
	"1 beginbfrange <01a0> <01af> <00a0> endbfrange 1 beginbfrange <01c0> <01e8> <00c0> endbfrange 1 beginbfrange <01ea> <01ff> <00ea> endbfrange endcmap end end")

// filing gives a filing of the model, with all the rubrics that its document has.
func filing(t testing.TB, model balance.Model) *balance.Balance {
	name := "csv-m02-full.csv"
	if model != balance.Full {
		name = "csv-m81-abbreviated.csv"
	}
	b := mustRead(t, []byte(document(t, name)))
	b.Model = model
	if b.Name == "" {
		b.Name = "Peeters"
	}
	b.JointCommittees = []string{"200", "14901"}
	for c, v := range b.Values {
		if r, _ := balance.RubricOf(c.Code); r.Unit == balance.Money {
			b.Values[c] = v.Round(0)
		}
	}
	return b
}

// insertAt puts a text on a page of a form.
func insertAt(pages [][]printed, page int, text ...printed) [][]printed {
	pages = slices.Clone(pages)
	pages[page] = append(slices.Clone(pages[page]), text...)
	return pages
}
