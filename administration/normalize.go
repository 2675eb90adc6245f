package administration

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// fold returns a text for comparing: without case and accents, with one blank for each run
// of punctuation, and letters that stand alone beside one another put together, so that
// N.V. is nv.
func fold(s string) string {
	s = strings.NewReplacer("œ", "oe", "Œ", "oe", "æ", "ae", "Æ", "ae", "ß", "ss", "ø", "o", "Ø", "o").Replace(s)
	if out, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFKC), s); err == nil {
		s = out
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '&' && r != '+' })
	return strings.Join(joinLetters(words), " ")
}

// joinLetters puts words of a single letter together that stand beside one another.
func joinLetters(words []string) (out []string) {
	letters := false // the last word is made of single letters
	for _, w := range words {
		r := []rune(w)
		single := len(r) == 1 && unicode.IsLetter(r[0])
		if single && letters {
			out[len(out)-1] += w
			continue
		}
		out, letters = append(out, w), single
	}
	return out
}

// ampersands are the words for and, each also as a sign.
var ampersands = []string{"en", "et", "und", "and", "+"}

// foldName folds the name of a client or a person.
func foldName(s string) string {
	words := strings.Fields(strings.NewReplacer("&", " & ", "+", " + ").Replace(fold(s)))
	for i, w := range words {
		if slices.Contains(ampersands, w) {
			words[i] = "&"
		}
	}
	return strings.Join(words, " ")
}

// sameName compares two names of a client. A legal form that only one of them has is left
// out of account, and so is its language.
func sameName(a, b string) bool {
	a, formA := splitLegalForm(foldName(a))
	b, formB := splitLegalForm(foldName(b))
	return a == b && (formA == formB || formA == "" || formB == "")
}

// streetWords are usual words of streets with their abbreviation. A word in Dutch may also be
// the end of another one.
var streetWords = map[string]string{
	"straat": "str", "steenweg": "stwg", "stw": "stwg", "laan": "ln", "plein": "pl",
	"avenue": "av", "ave": "av", "boulevard": "bd", "boul": "bd", "blvd": "bd", "bvd": "bd", "chaussee": "chee", "rue": "r",
	"place": "pl", "route": "rte", "square": "sq", "strasse": "str",
	"sint": "st", "saint": "st", "sainte": "ste", "sinte": "ste", "burgemeester": "burg", "burgem": "burg", "bourgmestre": "burg", "bgm": "burg",
	"dokter": "dr", "docteur": "dr", "doctor": "dr", "professor": "prof", "professeur": "prof", "generaal": "gen", "general": "gen",
	"pastoor": "past", "kardinaal": "kard", "president": "pres",
	"industrieterrein": "iz", "industriezone": "iz", "industriepark": "ip", "bedrijvenzone": "bz", "bedrijvenpark": "bp",
}

// streetEndings are the ends of street names that are abbreviated in one word: Kerkstr.
var streetEndings = []struct{ long, short string }{
	{"straat", "str"}, {"strasse", "str"}, {"steenweg", "stwg"}, {"stw", "stwg"}, {"laan", "ln"}, {"plein", "pl"},
}

// foldStreet folds the name of a street.
func foldStreet(s string) string {
	words := strings.Fields(strings.NewReplacer("onze lieve vrouw", "olv", "notre dame", "nd").Replace(fold(s)))
	for i, w := range words {
		if short, ok := streetWords[w]; ok {
			words[i] = short
			continue
		}
		for _, e := range streetEndings {
			if stem, ok := strings.CutSuffix(w, e.long); ok {
				words[i] = stem + e.short
				break
			}
		}
	}
	return strings.Join(words, "")
}

// numberSign is what stands before the number of a house, and boxSign before that of a box.
var (
	numberSign = regexp.MustCompile(`^(?:nummer|numero|nr|no|n°|nº|n)[\s.:]*(\d)`)
	boxSign    = regexp.MustCompile(`^(?:postbus|bus|boite|bte|box|bt|bp|b)(?:[\s.:/]+|(\d))`)
)

// foldHouseNumber folds the number of a house: 12 A is 12a.
func foldHouseNumber(s string) string {
	s = numberSign.ReplaceAllString(plain(s), "$1")
	return strings.NewReplacer(" ", "", ".", "").Replace(s)
}

// foldBox folds the number of a box: bus 003 is 3.
func foldBox(s string) string {
	s = strings.Join(strings.Fields(boxSign.ReplaceAllString(plain(s), "$1")), "")
	s = strings.NewReplacer(".", "", "-", "", "/", "").Replace(s)
	return strings.TrimLeft(s, "0")
}

// foldPostalCode folds a postal code: B-9000 is 9000.
func foldPostalCode(s string) string {
	s = strings.Join(strings.Fields(plain(s)), "")
	for _, country := range []string{"be-", "b-", "be", "b"} {
		if rest, ok := strings.CutPrefix(s, country); ok && rest != "" && unicode.IsDigit(rune(rest[0])) {
			return rest
		}
	}
	return s
}

// plain returns a text without case and accents, and keeps its punctuation.
func plain(s string) string {
	out, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold()), s)
	if err != nil {
		out = strings.ToLower(s)
	}
	return strings.Join(strings.Fields(out), " ")
}
