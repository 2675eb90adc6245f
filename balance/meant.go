package balance

import (
	"errors"
	"path"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// balanceName finds in a name that was made plain what a social balance is called
// in Dutch, French, English and German, with the usual abbreviations.
var balanceName = regexp.MustCompile(`\b(` + strings.Join([]string{
	`(sociale|sociaal|soc) ?(balans(en)?|bal)`,
	`bilans? ?(social|sociaux|soc)`,
	`bil ?(social|soc)`,
	`social ?balances?( ?sheets?)?`,
	`soziale?n? ?bilanz(en)?`,
}, "|") + `)\b`)

// IsMeantAsBalance reports whether a file that Read refused with err is meant as
// a social balance: its layout was recognised, or its name says so. Whatever
// else cannot be read is another document, and no concern of anybody here.
func IsMeantAsBalance(name string, err error) bool {
	wrong, ok := errors.AsType[*ReadError](err)
	return ok && wrong.Layout != "" || NameSaysBalance(name)
}

// NameSaysBalance reports whether the name of a file says that it is a social
// balance.
func NameSaysBalance(name string) bool {
	return balanceName.MatchString(PlainName(path.Base(name)))
}

// PlainName writes a name in small letters without accents, with one blank in
// place of everything that is no letter.
func PlainName(name string) string {
	var b strings.Builder
	blank := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r):
			if blank && b.Len() > 0 {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteRune(unicode.ToLower(r))
		default:
			blank = true
		}
	}
	return b.String()
}
