package balance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tableColumn is a column of a table, as its head tells it.
type tableColumn struct {
	textWord        // the head, its lines joined and in lower case; the place is that of the lowest
	time     string // full_time or part_time
	gender   string // men or women
	hired    string // agency or seconded
	total    bool
	year     columnYear
	date     Date // that the head names; of a year alone the last day
	known    bool
	unclear  bool // it names two columns at once
}

// columnYear tells which financial year the amounts of a column are of.
type columnYear int

const (
	yearUnsaid columnYear = iota
	yearCurrent
	yearPrevious
)

// columnWords are the words by which the heads of columns of any table are known.
// The longer forms of a word count as well.
var columnWords = []struct {
	set   func(c *tableColumn)
	words []string
}{
	{func(c *tableColumn) { c.setTime("full_time") }, []string{"voltijds", "voltijd", "temps plein", "tps plein", "vollzeit", "full-time", "full time"}},
	{func(c *tableColumn) { c.setTime("part_time") }, []string{"deeltijds", "deeltijd", "temps partiel", "tps partiel", "teilzeit", "part-time", "part time"}},
	{func(c *tableColumn) { c.setGender("men") }, []string{"mannen", "hommes", "männer", "men", "man", "homme"}},
	{func(c *tableColumn) { c.setGender("women") }, []string{"vrouwen", "femmes", "frauen", "women", "vrouw", "femme"}},
	{func(c *tableColumn) { c.hired += "agency" }, []string{"uitzendkrachten", "uitzendkracht", "intérimaire", "intérimaires", "leiharbeitskräfte", "leiharbeitnehmer", "zeitarbeitskräfte", "temporary agency"}},
	{func(c *tableColumn) { c.hired += "seconded" }, []string{"ter beschikking", "mises à", "mis à", "zur verfügung", "überlassene", "placed at"}},
	{func(c *tableColumn) { c.total = true }, []string{"totaal", "total", "gesamt", "insgesamt", "gesamtzahl", "summe", "vte", "etp", "fte"}},
}

func (c *tableColumn) setTime(t string)   { c.time += t }
func (c *tableColumn) setGender(g string) { c.gender += g }

var (
	// yearBefore is how a head names the year before.
	yearBefore = regexp.MustCompile(`(?:vorige?|voorgaande?|voorafgaande?)(?: boekjaar| jaar)?|(?:exercice|année) (?:précédente?|antérieure?)|précédente?|antérieure?|(?:vorher(?:gehende[sn]?|iges)|vorangegangene[sn]?)(?: geschäftsjahr| jahr)?|vorjahr|(?:previous|prior|preceding)(?: financial| accounting)?(?: year| period)?|\bn ?[-−–] ?1\b`)
	// thisYear is how a head names the financial year, where nothing of yearBefore is in it.
	thisYear = regexp.MustCompile(`boekjaar|\bjaar\b|exercice|année|geschäftsjahr|berichtsjahr|financial year|current year|\byear\b|huidig|lopend|\bn\b`)
	// plainHead is the head of a column of amounts that says nothing else.
	plainHead = regexp.MustCompile(`\bbedrag(?:en)?\b|\bmontants?\b|\bamounts?\b|\bbetr[aä]ge?\b|\bwaarden?\b|\bvaleurs?\b|\bvalues?\b|\bwerte?\b|\bcijfers?\b|\bchiffres?\b|\baantal\b`)
	// otherHead is the head of a column that holds something computed.
	otherHead = regexp.MustCompile(`verschil|evolutie|wijziging|différence|écart|évolution|variation|differen|change|abweichung|veränderung|gemiddelde? 3|%|\bindex\b`)
	// codeHead is the head of a column of codes.
	codeHead = regexp.MustCompile(`^(?:codes?|kodes?|rubri(?:ek|que|c|k)s?(?:code|nummer)?|rubrieken|(?:code|nr\.?|n°|no\.?) ?(?:nbb|bnb|rubriek|rubrique|rubric)?|(?:nbb|bnb)[- ]?codes?)\.?:?$`)
	headYear = regexp.MustCompile(`\b(?:19|20)\d{2}\b`)
)

// understand reads what the head says.
func (c *tableColumn) understand() {
	c.text = strings.Join(strings.Fields(strings.ToLower(c.text)), " ")
	for _, k := range columnWords {
		if slices.ContainsFunc(k.words, func(word string) bool { return hasWord(c.text, word) }) {
			k.set(c)
		}
	}
	c.year = headedYear(c.text)
	c.date = headedDate(c.text)
	twice := len(c.time) > len("full_time") || len(c.gender) > len("women") || len(c.hired) > len("seconded")
	said := c.time != "" || c.gender != "" || c.hired != "" || c.total || c.year != yearUnsaid || !c.date.IsZero() || plainHead.MatchString(c.text)
	said = said && !otherHead.MatchString(c.text) && !codeHead.MatchString(c.text)
	c.unclear = said && (twice || c.contradicts())
	c.known = said && !c.unclear
}

// contradicts reports whether the number that a form prints before a head is that
// of another column.
func (c *tableColumn) contradicts() bool {
	m := headNumber.FindStringSubmatch(c.text)
	if m == nil {
		return false
	}
	switch m[1] {
	case "1":
		return c.time == "part_time" || c.gender == "women" || c.hired == "seconded" || c.total && c.time+c.gender == ""
	case "2":
		return c.time == "full_time" || c.gender == "men" || c.hired == "agency" || c.total && c.time+c.gender == ""
	case "3":
		return c.time != "" && !c.total || c.hired != ""
	}
	return false
}

// hasWord reports whether a text in lower case has a word, or words, in it.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		at := from + i
		if startsWithWord(text[at:], word) && !endsInLetter(text[:at]) {
			return true
		}
		from = at + len(word)
	}
}

// headedYear reads which year a text in lower case is about; one that is about both
// says neither.
func headedYear(text string) columnYear {
	rest := yearBefore.ReplaceAllString(text, " ")
	before, now := rest != text, thisYear.MatchString(rest)
	switch {
	case before && !now:
		return yearPrevious
	case now && !before:
		return yearCurrent
	}
	return yearUnsaid
}

// namesBothYears reports whether a text in lower case is about the financial year and
// the year before, as a title over a whole table.
func namesBothYears(text string) bool {
	rest := yearBefore.ReplaceAllString(text, " ")
	if rest != text && thisYear.MatchString(rest) {
		return true
	}
	years := headYear.FindAllString(text, -1)
	slices.Sort(years)
	return len(slices.Compact(years)) > 1
}

// headedDate reads the one date, or the one year, that a head names.
func headedDate(text string) Date {
	if texts := printedDate.FindAllString(text, -1); len(texts) == 1 {
		dates, ok := readDates(texts...)
		if ok[0] {
			return dates[0]
		}
	}
	if years := headYear.FindAllString(text, -1); len(years) == 1 {
		y, _ := strconv.Atoi(years[0])
		return Date{y, 12, 31}
	}
	return Date{}
}

// headsOf finds the columns above the rows of a table: lines is what stands there,
// from top to bottom, and codes the column of codes, to the right of which the heads
// are, unless the page has cells. It returns no column where no head is known.
func headsOf(p *textPage, lines [][]textWord, codes textWord, limit float64) []*tableColumn {
	var columns []*tableColumn
	upper := 0 // lines with heads so far
	last := 0.0
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-12; i-- {
		heads, ok := headLine(p, lines[i], codes, limit)
		if upper == 0 && (!ok || !slices.ContainsFunc(heads, isKnownHead)) {
			continue
		}
		if !ok || upper == maxHeadLines || upper > 0 && !p.cells && lines[i][0].y-last > 2.5*lines[i][0].size {
			break
		}
		columns = stackHeads(p, columns, heads)
		upper, last = upper+1, lines[i][0].y
	}
	known := false
	for _, c := range columns {
		c.understand()
		known = known || c.known
	}
	if !known {
		return nil
	}
	slices.SortFunc(columns, func(a, b *tableColumn) int { return int(a.x - b.x) })
	return columns
}

// maxHeadLines bounds the lines of a head.
const maxHeadLines = 6

func isKnownHead(w textWord) bool {
	c := tableColumn{textWord: w}
	c.understand()
	return c.known
}

// headLine takes the heads out of a line. A line is none of heads if it identifies
// the filing, or has a text in the column of codes that is no head of it.
func headLine(p *textPage, line []textWord, codes textWord, limit float64) (heads []textWord, ok bool) {
	text := lineText(line)
	if len(EnterpriseNumbersIn(text)) > 0 || isPeriod(text) {
		return nil, false
	}
	for _, w := range wholeTexts(p, line) {
		lower := strings.ToLower(w.text)
		switch {
		case w.overlaps(codes):
			if !codeHead.MatchString(strings.TrimSpace(lower)) {
				return nil, false
			}
		case w.x >= limit, namesBothYears(lower):
		case p.cells || w.x > codes.x:
			heads = append(heads, w)
		}
	}
	return heads, true
}

// wholeTexts puts the words of a line of a page together; the cells of a sheet stay
// apart.
func wholeTexts(p *textPage, line []textWord) []textWord {
	if p.cells {
		return line
	}
	return headPhrases(line)
}

// isPeriod reports whether a text has the first and the last day of a year. Two
// heads name the same day of two years.
func isPeriod(text string) bool {
	texts := printedDate.FindAllString(text, -1)
	if len(texts) < 2 {
		return false
	}
	dates, ok := readDates(texts[:2]...)
	if !ok[0] || !ok[1] || !dates[0].Before(dates[1]) {
		return false
	}
	first, second := dates[0].AddDays(1), dates[1].AddDays(1)
	return first.Day != second.Day || first.Month != second.Month
}

// stackHeads puts a line of heads on the columns below it. A head over one column
// belongs to it, one over several to each, and one over none is a column of its own.
// In a sheet a head over several columns stands in the first of them.
func stackHeads(p *textPage, columns []*tableColumn, heads []textWord) []*tableColumn {
	lowest := len(columns) == 0
	var own []*tableColumn
	for i, h := range heads {
		reach := h
		if group := headedYear(strings.ToLower(h.text)) != yearUnsaid || isKnownHead(h); p.cells && !lowest && group && len(heads) > 1 {
			reach.end = lastEnd(columns)
			if i+1 < len(heads) {
				reach.end = heads[i+1].x
			}
		}
		covered := 0
		for _, c := range columns {
			if reach.overlaps(c.textWord) {
				c.text = h.text + " " + c.text
				covered++
			}
		}
		if covered == 0 {
			own = append(own, &tableColumn{textWord: h})
		}
	}
	return append(columns, own...)
}

func lastEnd(columns []*tableColumn) (end float64) {
	for _, c := range columns {
		end = max(end, c.end)
	}
	return end
}
