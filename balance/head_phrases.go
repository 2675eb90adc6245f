package balance

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// headPhrases puts the words of a line together to heads of columns. Narrow columns
// leave little more than a blank between their heads: where that is wider than the
// blanks of the line, or the words are heads one by one, they stay apart.
func headPhrases(line []textWord) (heads []textWord) {
	blank := 0.0
	for i := 1; i < len(line); i++ {
		if gap := line[i].x - line[i-1].end; gap > 0.1*line[i].size && (blank == 0 || gap < blank) {
			blank = gap
		}
	}
	from := 0
	for i := 1; i <= len(line); i++ {
		if i < len(line) {
			gap := line[i].x - line[i-1].end
			first, _ := utf8.DecodeRuneInString(line[i].text)
			if gap < 0.7*line[i].size && (gap < 1.3*blank || !unicode.IsUpper(first)) {
				continue
			}
		}
		for _, words := range singleHeads(line[from:i]) {
			for _, w := range phrases(words) {
				heads = append(heads, splitHeads(w)...)
			}
		}
		from = i
	}
	return heads
}

// singleHeads takes words apart that are nothing but heads and stand a little further
// apart than the words of a text.
func singleHeads(words []textWord) (apart [][]textWord) {
	for at := 0; at < len(words); {
		n := headLength(words[at:])
		if n == 0 || at > 0 && words[at].x-words[at-1].end < 0.3*words[at].size {
			return [][]textWord{words}
		}
		apart = append(apart, words[at:at+n])
		at += n
	}
	return apart
}

// headLength returns how many of the first words are a head, 0 for none.
func headLength(words []textWord) (most int) {
	for n := 1; n <= min(2, len(words)); n++ {
		text := strings.ToLower(lineText(words[:n]))
		for _, k := range headKinds {
			if slices.Contains(k.words, text) {
				most = n
			}
		}
	}
	return most
}
