package balance

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// textWord is a piece of text of a page without a blank in it, or several with
// single blanks between them, or what stands in a cell of a sheet or a field of a
// CSV. Its place is in points, from the lower left of the page as it is seen; in a
// sheet and a CSV, columns and lines are so many points apart that each stands
// alone.
type textWord struct {
	x, end, y, size float64
	text            string
	at              place
	exact           *decimal.Decimal // the value of a cell that holds a number and no text
	date            bool             // text is the date of a cell that holds one, YYYY-MM-DD
}

func (w textWord) middle() float64 { return (w.x + w.end) / 2 }

func (w textWord) overlaps(o textWord) bool { return w.x < o.end && o.x < w.end }

// textPage is what a page shows, a sheet or a CSV holds.
type textPage struct {
	number  int        // from 1
	name    string     // of a sheet
	words   []textWord // without blanks, from top to bottom and from left to right
	cells   bool       // it is a sheet or a CSV: each word is a cell
	picture bool       // it has a picture
	hidden  bool       // it has text that is not seen, as a scan has whose text was recognised
}

// newCell makes the word of a cell, both numbers from 1.
func newCell(column, line int, text string) textWord {
	x := float64(column) * 100
	return textWord{x: x, end: x + 60, y: -20 * float64(line), size: 10, text: text}
}

// place returns where a word stands.
func (p *textPage) place(w textWord) place {
	if p.cells || w.at.page > 0 {
		return w.at
	}
	return place{page: p.number}
}

// linesOfWords puts what stands at about the same height into lines, from top
// to bottom, each from left to right.
func linesOfWords(words []textWord, tolerance float64) [][]textWord {
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b textWord) int { return cmp.Compare(b.y, a.y) })
	var lines [][]textWord
	for from, i := 0, 1; i <= len(words); i++ {
		if i < len(words) && words[from].y-words[i].y <= tolerance {
			continue
		}
		line := words[from:i]
		slices.SortStableFunc(line, func(a, b textWord) int { return cmp.Compare(a.x, b.x) })
		lines, from = append(lines, line), i
	}
	return lines
}

// phrases puts words of a line together that have no more than a blank or two
// between them.
func phrases(line []textWord) []textWord {
	var all []textWord
	for _, w := range line {
		if n := len(all) - 1; n >= 0 && w.x-all[n].end < 0.7*w.size {
			all[n].text += " " + w.text
			all[n].end = w.end
			continue
		}
		all = append(all, w)
	}
	return all
}

// lineText gives the words of a line with blanks between them.
func lineText(line []textWord) string {
	texts := make([]string, len(line))
	for i, w := range line {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}
