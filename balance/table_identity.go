package balance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	numberLabel = regexp.MustCompile(`ondernemingsn|\bkbo\b|\bbce\b|n° ?d'entreprise|num[ée]ro d'entreprise|enterprise n|company n|unternehmensn|entity number`)
	vatLabel    = regexp.MustCompile(`\bbtw\b|\btva\b|\bvat\b|\bmwst\b`)
	nameLabel   = regexp.MustCompile(`^(?:naam(?: van de (?:onderneming|werkgever|klant|vennootschap))?|benaming|werkgever|klant|cliënt|onderneming|vennootschap|firma|dénomination(?: sociale)?|nom(?: de l'(?:entreprise|employeur)| du client)?|employeur|client|entreprise|société|raison sociale|name(?: of the (?:company|employer))?|company|employer|arbeitgeber|kunde|bezeichnung|unternehmen)(?: en rechtsvorm| et forme juridique)?\s*:?$`) //nolint:misspell // French
	periodLabel = regexp.MustCompile(`boekjaar|exercice|geschäftsjahr|financial year|accounting period|periode|période|\bperiod\b|zeitraum|\bvan\b.*\btot\b|\bdu\b.*\bau\b|\bvom\b.*\bbis\b|\bfrom\b.*\bto\b`)
	startLabel  = regexp.MustCompile(`\bbegin|\bstart|aanvang|début|anfang|eerste dag|premier jour`)
	endLabel    = regexp.MustCompile(`\beind|\bend\b|\bafsluit|\bclôture|\bfin\b|closing|\bende\b|abschluss|laatste dag|dernier jour`)
	modelLabel  = regexp.MustCompile(`model|modèle|schema|schéma|modell`)
	thousands   = regexp.MustCompile(`(?:in|x|\*) ?(?:duizend|1[. ]?000)|duizenden|en milliers|in thousands|in tausend|\b[km]eur\b|\bk€`)
	headedOnly  = regexp.MustCompile(`(?:boekjaar|exercice(?: comptable)?|geschäftsjahr|financial year|jaar|année)\s*:?\s*((?:19|20)\d{2})\b`)
	// modelWords are the words for the models, by language.
	modelWords = map[Model][]string{
		Full:        {"volledig", "complet", "vollständig", "full"},
		Abbreviated: {"verkort", "abrégé", "verkürzt", "abbreviated"},
		Micro:       {"micro", "mikro"},
	}
)

// identify reads from the lines outside the tables what the balance is of.
func (t *tableReader) identify() {
	var labelled, withVAT, all []EnterpriseNumber
	var years []Period
	var alone []string
	ends := [2]string{}
	for _, p := range t.pages {
		for _, line := range t.linesOutside(p) {
			text := strings.ToLower(lineText(line))
			if thousands.MatchString(text) && !strings.Contains(text, "%") {
				t.scaled = t.fault(p.place(line[0]), CauseThousands, "the amounts are in thousands; take a document with amounts in euro")
			}
			found := EnterpriseNumbersIn(lineText(line))
			all = append(all, found...)
			if numberLabel.MatchString(text) {
				labelled = append(labelled, found...)
				t.damagedNumber(line, found)
			} else if vatLabel.MatchString(text) {
				withVAT = append(withVAT, found...)
			}
			t.identifyName(p, line)
			t.identifyModel(text)
			if strings.Contains(text, "€") || strings.Contains(text, "eur") && hasWord(strings.ReplaceAll(text, "euro", "eur"), "eur") {
				t.balance.Currency = "EUR"
			}
			if m := headedOnly.FindStringSubmatch(text); m != nil && !speaksOfYearBefore(text) && !slices.Contains(alone, m[1]) {
				alone = append(alone, m[1])
			}
			years = append(years, periodIn(text, &ends)...)
		}
		t.findCommittees(p)
	}
	if dates, ok := readDates(ends[0], ends[1]); len(years) == 0 && ok[1] {
		years = append(years, Period{dates[0], dates[1]})
	}
	slices.SortFunc(years, func(a, b Period) int { return b.End.Compare(a.End) })
	years = slices.Compact(years)
	switch {
	case len(years) > 0:
		t.balance.FiscalYear = t.yearDoubt(years[:min(len(years), maxReadings)]...)
	case len(alone) == 1:
		y, _ := strconv.Atoi(alone[0])
		t.yearAlone(Date{y, 12, 31})
	}
	t.identifyNumber(labelled, t.inRows, withVAT, all)
}

// linesOutside returns the lines of a page that have no row of a table, and
// linesInside those that have one.
func (t *tableReader) linesOutside(p *textPage) (lines [][]textWord) { return t.linesOf(p, false) }

func (t *tableReader) linesInside(p *textPage) (lines [][]textWord) { return t.linesOf(p, true) }

func (t *tableReader) linesOf(p *textPage, inside bool) (lines [][]textWord) {
	rows := map[float64]bool{}
	for _, table := range t.tables {
		for _, r := range table.rows {
			rows[r.word.y] = rows[r.word.y] || table.has(r, p)
		}
	}
	for _, line := range linesOfWords(p.words, 3) {
		if slices.ContainsFunc(line, func(w textWord) bool { return rows[w.y] }) == inside {
			lines = append(lines, line)
		}
	}
	return lines
}

// damagedNumber adds a finding about a number that stands beside its label and is
// none, or was damaged by a spreadsheet.
func (t *tableReader) damagedNumber(line []textWord, found []EnterpriseNumber) {
	if len(found) > 0 {
		return
	}
	for _, w := range line {
		digits := strings.Count(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '0'
			}
			return -1
		}, w.text), "0")
		if exponent.MatchString(w.text) || digits >= 9 && digits <= 12 {
			t.enterprise(w.text)
		}
	}
}

// identifyNumber settles the enterprise number: the one beside its label, else the one
// beside that of a VAT number, else the only one. A payroll bureau prints its own as
// well.
func (t *tableReader) identifyNumber(lists ...[]EnterpriseNumber) {
	for _, list := range lists {
		slices.Sort(list)
		switch list = slices.Compact(list); len(list) {
		case 0:
			continue
		case 1:
			t.balance.EnterpriseNumber = list[0]
			return
		default:
			var texts []string
			for _, n := range list[:min(len(list), 5)] {
				texts = append(texts, n.Pretty())
			}
			t.addFinding("several_numbers", nil, args{"numbers": strings.Join(texts, ", ")})
			return
		}
	}
}

// periodIn reads the financial year that a line names: its two dates, or one of them
// beside a label, which goes into ends.
func periodIn(text string, ends *[2]string) []Period {
	if speaksOfYearBefore(text) {
		return nil
	}
	texts := printedDate.FindAllString(text, -1)
	switch {
	case len(texts) == 2 && (periodLabel.MatchString(text) || startLabel.MatchString(text)) && isPeriod(text):
		dates, _ := readDates(texts...)
		return []Period{{dates[0], dates[1]}}
	case len(texts) != 1:
	case endLabel.MatchString(text):
		ends[1] = texts[0]
	case startLabel.MatchString(text):
		ends[0] = texts[0]
	}
	return nil
}

// yearAlone takes a calendar year as the financial year, in doubt until a person
// confirms it.
func (t *tableReader) yearAlone(end Date) {
	p := Period{Date{end.Year, 1, 1}, end}
	if end.Month != 12 || end.Day != 31 {
		p.Start = Date{}
	}
	if !t.balance.FiscalYear.End.IsZero() {
		return
	}
	if t.balance.FiscalYear = p; t.chosenYear == p {
		return
	}
	t.addFinding("year_alone", nil, args{"year": strconv.Itoa(end.Year)})
	t.addDoubt(DoubtfulYear, "", []string{p.String()}, "")
}

// identifyName reads the name of the enterprise.
func (t *tableReader) identifyName(p *textPage, line []textWord) {
	if t.balance.Name != "" {
		return
	}
	if m := printedName.FindStringSubmatch(lineText(line)); m != nil && strings.Contains(m[0], ":") {
		t.balance.Name = clip(strings.TrimSpace(m[1]))
		return
	}
	texts := wholeTexts(p, line)
	if first := strings.ToLower(strings.TrimSpace(texts[0].text)); len(texts) == 2 && nameLabel.MatchString(first) && !isAmount(texts[1]) {
		t.balance.Name = clip(strings.TrimSpace(texts[1].text))
		return
	}
	if label, name, ok := strings.Cut(lineText(line), ":"); ok && nameLabel.MatchString(strings.ToLower(strings.TrimSpace(label))) && strings.TrimSpace(name) != "" {
		t.balance.Name = clip(strings.TrimSpace(name))
	}
}

// identifyModel reads the model from a line in lower case that names one.
func (t *tableReader) identifyModel(text string) {
	if t.balance.Model != "" || !modelLabel.MatchString(text) {
		return
	}
	for _, w := range strings.Fields(text) {
		if modelText.MatchString(w) {
			t.model(w)
			return
		}
	}
	var found []Model
	for _, m := range []Model{Full, Abbreviated, Micro} {
		if slices.ContainsFunc(modelWords[m], func(w string) bool { return strings.Contains(text, w) }) {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		t.balance.Model = found[0]
	}
}

// inferModel takes the full model where a figure is of a rubric that it alone has.
func (t *tableReader) inferModel() {
	for _, a := range t.cells {
		if t.balance.Model == "" && t.data.rubrics[t.data.byCode[a.cells[0].Code]].FullOnly {
			t.balance.Model = Full
		}
	}
}
