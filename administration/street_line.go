package administration

import (
	"regexp"
	"strings"
)

// streetLine finds the number of the house at the end of a line, with a box if it has one:
// Kerkstraat 12 bus 3, Kerkstraat 12/3, Rue Haute 12A bte 3.
var streetLine = regexp.MustCompile(`(?i)^(.*?[^\d\s,].*?)[\s,]+(?:n[r°º]\.?\s*)?(\d+\s?[a-z]?(?:\s?[-–]\s?\d+\s?[a-z]?)?)(?:(?:[\s,]+(?:postbus|bus|bo[iî]te|bte|box|bt|b)[\s.:]*|\s*/\s*)([\da-z][\da-z.\-/]*))?$`)

// numberFirst finds the number of the house before the street: 12, rue Haute bte 3.
var numberFirst = regexp.MustCompile(`(?i)^(\d+\s?[a-z]?)\s*(?:,\s*|\s(?:rue|avenue|av\.|chauss[eé]e|boulevard|bd|place|route|quai|chemin|all[eé]e|square|clos)\b)`)

// SplitStreet takes the number of the house and of the box out of a line with a street. ok
// is false where the line has no number that is certain.
func SplitStreet(line string) (street, number, box string, ok bool) {
	line = strings.Join(strings.Fields(line), " ")
	if m := numberFirst.FindStringSubmatch(line); m != nil {
		return splitBox(strings.TrimLeft(line[len(m[1]):], " ,"), m[1])
	}
	m := streetLine.FindStringSubmatch(line)
	if m == nil {
		return strings.TrimSpace(line), "", "", false
	}
	return strings.TrimRight(m[1], " ,"), m[2], m[3], true
}

// JoinStreet writes a street with its number and box on one line, in a language. SplitStreet
// reads it again.
func JoinStreet(street, number, box, language string) string {
	line := strings.TrimSpace(street + " " + number)
	if box == "" {
		return line
	}
	word := "bus"
	switch language {
	case "fr":
		word = "bte"
	case "en":
		word = "box"
	}
	return line + " " + word + " " + boxNumber(box)
}

// boxNumber returns the number of a box without the word before it.
func boxNumber(box string) string {
	box = strings.TrimSpace(box)
	if at := boxSign.FindStringSubmatchIndex(plain(box)); at != nil && len(plain(box)) == len(box) {
		end := at[1]
		if at[2] >= 0 {
			end = at[2]
		}
		if rest := strings.TrimSpace(box[end:]); rest != "" {
			return rest
		}
	}
	return box
}

// boxAtEnd finds a box at the end of a street.
var boxAtEnd = regexp.MustCompile(`(?i)[\s,]+(?:postbus|bus|bo[iî]te|bte|box|bt)[\s.:]*([\da-z][\da-z.\-/]*)$`)

// splitBox takes the box out of a street whose number stood before it.
func splitBox(street, number string) (rest, _, box string, ok bool) {
	if m := boxAtEnd.FindStringSubmatchIndex(street); m != nil {
		street, box = street[:m[0]], street[m[2]:m[3]]
	}
	return street, number, box, street != "" && !strings.ContainsAny(street, "0123456789")
}
