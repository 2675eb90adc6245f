package madeup

import (
	"fmt"
	"strconv"
	"strings"

	"balansd/balance"

	"golang.org/x/text/encoding/charmap"
)

// pdfForm writes a balance of the abbreviated or micro model as the National Bank
// prints it, in Dutch: amounts in whole euros, each in the column of its rubric. It
// refuses the full model, whose form has other tables.
func pdfForm(b *balance.Balance) ([]byte, error) {
	section := map[balance.Model]string{balance.Abbreviated: "VKT-kap 12", balance.Micro: "MIC-kap 11"}[b.Model]
	if section == "" {
		return nil, fmt.Errorf("the form of the model %q is not made", b.Model)
	}
	day := func(d balance.Date) string { return fmt.Sprintf("%02d-%02d-%04d", d.Day, d.Month, d.Year) }
	f := &formWriter{b: b}
	f.page("EUR")
	f.text(30, 190, "Naam : "+b.Name)
	f.text(50, 560, "het boekjaar dat de periode dekt van")
	f.text(320, 560, day(b.FiscalYear.Start))
	f.text(415, 560, "tot")
	f.text(470, 560, day(b.FiscalYear.End))
	for i, rows := range [][]string{{"105", "110", "111", "112", "113", "120", "1200", "1201", "1202", "1203", "121", "1210", "1211", "1212", "1213", "130", "134", "132", "133"}, {"205", "305"}} {
		f.page(section)
		y := 130.0
		if i == 0 {
			f.text(25, 65, "SOCIALE BALANS")
			f.text(25, 90, "Nummers van de paritaire comités die bevoegd zijn:")
			f.text(300, 90, strings.Join(b.JointCommittees, " - "))
			y = f.table(y, []string{"1. Voltijds", "2. Deeltijds", "3. Totaal (VTE)", "3P. Vorig boekjaar"}, []string{"100", "101", "102"})
		}
		y = f.table(y, []string{"1. Voltijds", "2. Deeltijds", "3. Totaal (VTE)"}, rows)
		if i == 1 {
			f.training(y)
		}
	}
	return f.write(), nil
}

// formWriter writes the pages of a form.
type formWriter struct {
	b     *balance.Balance
	pages []*strings.Builder
}

// page begins a page. The enterprise number and what the page is of stand at its head.
func (f *formWriter) page(of string) {
	f.pages = append(f.pages, &strings.Builder{})
	f.text(53, 35, f.b.EnterpriseNumber.String())
	f.text(515, 35, of)
}

// Of the pages, in points: the height, and the size of the letters.
const (
	formHeight = 842
	formLetter = 7
)

// text writes a text at a place, counted from the upper left.
func (f *formWriter) text(x, y float64, text string) {
	encoded, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		encoded = "?"
	}
	encoded = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(encoded)
	_, _ = fmt.Fprintf(f.pages[len(f.pages)-1], "1 0 0 1 %.1f %.1f Tm (%s) Tj\n", x, formHeight-y, encoded)
}

// amount writes the figure of a cell, if there is one, so that it ends at a place.
func (f *formWriter) amount(right, y float64, c balance.Cell) {
	v, ok := f.b.Values[c]
	if !ok {
		return
	}
	if r, _ := balance.RubricOf(c.Code); r.Unit == balance.Money {
		v = v.Round(0)
	}
	text := balance.Dutch.Figure(v, 0)
	f.text(right-widthOf(text), y, text)
}

// widthOf is about how wide a text is.
func widthOf(text string) float64 {
	narrow := 0
	for _, c := range ".,-() " {
		narrow += strings.Count(text, string(c))
	}
	return formLetter * (0.556*float64(len(text)-narrow) + 0.278*float64(narrow))
}

// table writes rows from a height on, and returns where the next table begins.
func (f *formWriter) table(y float64, heads, rows []string) float64 {
	width := 390 / float64(len(heads))
	f.text(165, y, "Codes")
	for i, head := range heads {
		f.text(195+float64(i+1)*width-20-widthOf(head), y, head)
	}
	y += 24
	for _, row := range rows {
		f.text(163, y, row)
		for i, head := range heads {
			code, _, _ := strings.Cut(head, ".")
			code, previous := strings.CutSuffix(code, "P")
			f.amount(195+float64(i+1)*width-20, y, balance.Cell{Code: row + code, Previous: previous})
		}
		y += 12
	}
	return y + 20
}

// training writes the table of training, with codes for men and for women.
func (f *formWriter) training(y float64) {
	f.text(305, y, "Codes")
	f.text(371, y, "Mannen")
	f.text(442, y, "Codes")
	f.text(507, y, "Vrouwen")
	for _, row := range []string{"5801", "5802", "5803", "58031", "58032", "58033", "5821", "5822", "5823", "5841", "5842", "5843"} {
		y += 12
		men, _ := strconv.Atoi(row[:4])
		for i, code := range []string{row, strconv.Itoa(men+10) + row[4:]} {
			x := 303.5 + float64(i)*137
			f.text(x, y, code)
			f.amount(x+125, y, balance.Cell{Code: code})
		}
	}
}

// write puts the pages into a PDF.
func (f *formWriter) write() []byte {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"}
	kids := ""
	for _, page := range f.pages {
		n := len(objects)
		kids += fmt.Sprintf("%d 0 R ", n+1)
		content := fmt.Sprintf("BT /F1 %d Tf\n%sET\n", formLetter, page)
		objects = append(objects, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", n+2),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 %d] >>", kids, len(f.pages), formHeight)
	return pdfOf(objects)
}
