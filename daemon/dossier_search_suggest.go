package daemon

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/internal/typo"
)

// SearchSuggestion is a search that may have been meant.
type SearchSuggestion struct {
	Search string `json:"search"`
	Count  int    `json:"count"` // of the dossiers that have it
}

// mostSuggestions is the number of suggestions for a search.
const mostSuggestions = 5

// suggestSearches returns the searches nearest to one that found nothing: its words
// with a slip of a letter or two, or two digits, mended by words of names and numbers
// that there are.
func suggestSearches(q DossierQuery, rows []*dossierRow) []SearchSuggestion {
	words := make([]slippedWord, 0, 4)
	for _, w := range foldSearch(q.Search) {
		words = append(words, newSlippedWord(w))
	}
	type suggestion struct {
		SearchSuggestion
		slips int
	}
	found := map[string]*suggestion{}
	for _, r := range rows {
		if !r.matches(q, nil) {
			continue
		}
		meant, slips, ok := r.nearest(words)
		if !ok {
			continue
		}
		if found[meant] == nil {
			found[meant] = &suggestion{SearchSuggestion{Search: meant}, slips}
		}
		found[meant].Count++
	}
	var list []*suggestion
	for _, s := range found {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *suggestion) int {
		return cmp.Or(cmp.Compare(a.slips, b.slips), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Search, b.Search))
	})
	out := []SearchSuggestion{}
	for _, s := range list[:min(len(list), mostSuggestions)] {
		out = append(out, s.SearchSuggestion)
	}
	return out
}

// slippedWord is a word of a search that may have slips.
type slippedWord struct {
	text    string
	letters uint64 // the set of its letters, each as one of 64 bits
	slips   int    // that it may have at most
}

func newSlippedWord(text string) slippedWord {
	w := slippedWord{text: text, letters: letterSet(text), slips: 1}
	switch {
	case len(text) < 4:
		w.slips = 0
	case len(text) > 6:
		w.slips = 2
	}
	return w
}

func letterSet(text string) (set uint64) {
	for _, r := range text {
		set |= 1 << (uint(r) % 64)
	}
	return set
}

// distance returns the number of slips between the word and another one; false where
// they are too many. Most are told from the lengths and the letters alone.
func (w slippedWord) distance(other string) (slips int, ok bool) {
	if abs(len(other)-len(w.text)) > 2*w.slips || bits.OnesCount64(w.letters^letterSet(other)) > 2*w.slips {
		return 0, false
	}
	slips = typo.Distance(w.text, other)
	return slips, slips <= w.slips
}

func abs(n int) int { return max(n, -n) }

// nearest returns the search that finds the row in place of words, and how many slips
// that mends; false where a word is like none of the row's.
func (r *dossierRow) nearest(words []slippedWord) (meant string, slips int, ok bool) {
	mended := make([]string, 0, len(words))
	for _, w := range words {
		best, fewest := "", w.slips+1
		if strings.Contains(r.search, w.text) {
			best, fewest = w.text, 0
		}
		for part := range strings.FieldsFuncSeq(r.search, func(c rune) bool { return c == ' ' || c == '\n' }) {
			if fewest == 0 {
				break
			}
			if n, near := w.distance(part); near && n < fewest {
				best, fewest = part, n
			}
		}
		if best == "" {
			return "", 0, false
		}
		if n := balance.EnterpriseNumber(best); len(best) == 10 && onlyDigits(best) == best {
			best = n.Pretty()
		}
		mended, slips = append(mended, best), slips+fewest
	}
	return strings.Join(mended, " "), slips, true
}
