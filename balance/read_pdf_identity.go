package balance

import (
	"regexp"
	"slices"
	"strings"
)

var (
	sectionText = regexp.MustCompile(`(?i)^(VOL|VKT|MIC|[CAM])[- ](kap|cap|vzw|asbl|inb|vog|vn|vop)[ -]?(\d+)`)
	modelText   = regexp.MustCompile(`^m\d\d(-[a-z])?$`)
	committeeNo = regexp.MustCompile(`\b\d{3}(?:\.?\d{2})?\b`)
	committees  = regexp.MustCompile(`^[\d.,;/ -]+$`)
	printedDate = regexp.MustCompile(`(?i)\b(?:\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{4}-\d{2}-\d{2}|\d{1,2}(?:er)?[- ](?:jan|feb|fév|mrt|maart|mars|mär|mar|apr|avr|mei|mai|may|jun|juin|jul|juil|aug|aoû|sep|okt|oct|nov|dec|déc|dez)\p{L}*\.?[- ]\d{4})\b`)
	printedName = regexp.MustCompile(`(?i)^(?:naam|benaming|dénomination|nom|name|bezeichnung)(?: en rechtsvorm| et forme juridique)?\s*:\s*(.+)$`)
	currencies  = []string{"EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "CAD", "AUD", "PLN", "CNY"}
)

// sectionOf gives the section of the form that a page belongs to, such as
// "vkt 12", empty where it does not say. It stands in the first line.
func sectionOf(p *textPage) string {
	for _, w := range phrases(topLine(p)) {
		if m := sectionText.FindStringSubmatch(w.text); m != nil {
			return strings.ToLower(m[1] + " " + m[3])
		}
	}
	return ""
}

func topLine(p *textPage) []textWord {
	lines := linesOfWords(p.words, 3)
	if len(lines) == 0 {
		return nil
	}
	return lines[0]
}

// identify reads what the text says about the filing: number, name, financial
// year, model and joint committees.
func (f *pdfForm) identify() error {
	if err := f.identifyNumber(); err != nil {
		return err
	}
	f.identifyModel()
	f.identifyYear()
	f.identifyName()
	for _, p := range f.social {
		f.findCommittees(p)
	}
	for _, w := range topLine(f.pages[0]) {
		if slices.Contains(currencies, w.text) {
			f.balance.Currency = w.text
			return nil
		}
	}
	for _, line := range linesOfWords(f.pages[0].words, 3) {
		if strings.Contains(strings.ToLower(lineText(line)), "euro") {
			f.balance.Currency = "EUR"
		}
	}
	return nil
}

// identifyNumber reads the enterprise number. It stands at the head of each page of
// the form; on other prints that is where a payroll bureau has its own, and the
// number beside its label goes before. Else it is the only one on the pages of the
// balance and the first one.
func (f *pdfForm) identifyNumber() error {
	var heads, labelled, all []EnterpriseNumber
	ofForm := false
	for _, p := range f.social {
		own := EnterpriseNumbersIn(lineText(topLine(p)))
		ofForm = ofForm || sectionOf(p) != ""
		if len(heads) > 0 && len(own) > 0 && !slices.Equal(heads, own) {
			return &ReadError{Kind: CauseClients, Layout: NBBPDF, What: "this PDF has social balances of several enterprises; save the pages of each as a file of its own"}
		}
		if len(own) > 0 {
			heads = own
		}
	}
	for _, p := range append([]*textPage{f.pages[0]}, f.social...) {
		for _, line := range linesOfWords(p.words, 3) {
			found := EnterpriseNumbersIn(lineText(line))
			all = append(all, found...)
			if numberLabel.MatchString(strings.ToLower(lineText(line))) {
				labelled = append(labelled, found...)
			}
		}
	}
	order := [][]EnterpriseNumber{labelled, all}
	if ofForm {
		order = [][]EnterpriseNumber{heads, labelled, all}
	}
	for _, found := range order {
		slices.Sort(found)
		if found = slices.Compact(found); len(found) == 1 {
			f.balance.EnterpriseNumber = found[0]
			return nil
		}
	}
	return nil
}

// identifyModel reads the model: by its code on the first page, by the section
// of the form, or by rows that the full model alone has.
func (f *pdfForm) identifyModel() {
	for _, w := range topLine(f.pages[0]) {
		if modelText.MatchString(w.text) {
			f.model(w.text)
		}
	}
	for _, p := range f.social {
		if f.balance.Model != "" {
			return
		}
		switch kind, _, _ := strings.Cut(sectionOf(p), " "); kind {
		case "vol", "c":
			f.balance.Model = Full
		case "vkt", "a":
			f.balance.Model = Abbreviated
		case "mic", "m":
			f.balance.Model = Micro
		}
	}
	for _, c := range f.cells {
		if f.balance.Model == "" && f.data.rubrics[f.data.byCode[c.cells[0].Code]].FullOnly {
			f.balance.Model = Full
		}
	}
}

// identifyYear reads the financial year: a line with two dates, which is not
// that of the year before. Several leave it in doubt.
func (f *pdfForm) identifyYear() {
	var years []Period
	for _, p := range append([]*textPage{f.pages[0]}, f.social...) {
		for _, line := range linesOfWords(p.words, 3) {
			text := strings.ToLower(lineText(line))
			if speaksOfYearBefore(text) {
				continue
			}
			texts := printedDate.FindAllString(text, -1)
			if len(texts) != 2 || !strings.Contains(text, "boekjaar") && !strings.Contains(text, "exercice") && !strings.Contains(text, "geschäftsjahr") &&
				!strings.Contains(text, "periode") && !strings.Contains(text, "période") && !strings.Contains(text, "zeitraum") {
				continue
			}
			dates, ok := readDates(texts...)
			if y := (Period{dates[0], dates[1]}); ok[0] && ok[1] && dates[0].Before(dates[1]) && !slices.Contains(years, y) {
				years = append(years, y)
			}
		}
	}
	if len(years) > 0 {
		f.balance.FiscalYear = f.yearDoubt(years[:min(len(years), maxReadings)]...)
	}
}

// speaksOfYearBefore tells whether a text in lower case is about the year before.
func speaksOfYearBefore(text string) bool {
	return slices.ContainsFunc([]string{"vorig", "voorgaand", "précédent", "vorherg", "vorjahr", "vorangeg"}, func(s string) bool { return strings.Contains(text, s) })
}

// identifyName reads the name of the enterprise from the first page.
func (f *pdfForm) identifyName() {
	for _, line := range linesOfWords(f.pages[0].words, 3) {
		if m := printedName.FindStringSubmatch(lineText(line)); m != nil && f.balance.Name == "" {
			f.balance.Name = clip(strings.TrimSpace(m[1]))
		}
	}
}

// findCommittees reads the numbers of the joint committees, which stand
// beside their label and below one another.
func (d *builder) findCommittees(p *textPage) {
	after := false
	for _, line := range linesOfWords(p.words, 3) {
		text := strings.ToLower(lineText(line))
		_, beside, label := strings.Cut(text, "parit")
		switch {
		case label:
			after = true
		case after && committees.MatchString(text):
			beside = text
		default:
			after = false
		}
		for _, number := range committeeNo.FindAllString(beside, -1) {
			d.committee(number)
		}
	}
}
