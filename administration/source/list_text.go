package source

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// readDelimited calls each for the rows of a CSV, in UTF-8, UTF-16 or the code page of
// Western Windows, with semicolons, tabs, commas or bars between its cells.
func readDelimited(ctx context.Context, data []byte, each func(line int, cells []string) error) error {
	text, err := decodeList(data)
	switch {
	case err != nil:
		return err
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("it is empty")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = delimiterOf(text), -1, true
	width, cut := 0, 0
	for n := 0; ; n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return csvError(err)
		}
		line, _ := r.FieldPos(0)
		cut = 0
		if width = max(width, len(cells)); len(cells) < width {
			cut = line
		}
		if err := each(line, cells); err != nil {
			return err
		}
	}
	if last := text[len(text)-1]; cut > 0 && last != '\n' && last != '\r' {
		return fmt.Errorf("line %d: the last row has too few columns and no end, so that the file may break off there", cut)
	}
	return nil
}

// csvError says where a CSV is damaged.
func csvError(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	what := "a quote stands within a value that has none around it"
	if errors.Is(p.Err, csv.ErrQuote) {
		what = "a quote is opened and not closed, or a value goes on after it"
	}
	return fmt.Errorf("line %d: %s", p.StartLine, what)
}

// decodeList returns the text of a list as UTF-8.
func decodeList(data []byte) ([]byte, error) {
	from := encoding.Encoding(unicode.UTF8)
	switch head := data[:min(len(data), 400)]; {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
	case bytes.Count(head, []byte{0}) > len(head)/3: // UTF-16 without a mark
		from = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
		if len(head) > 0 && head[0] == 0 {
			from = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		}
	case bytes.IndexByte(data, 0) >= 0:
		return nil, errors.New("it is no text: it has characters of the value 0")
	case !utf8.Valid(data):
		from = charmap.Windows1252
	}
	text, _, err := transform.Bytes(unicode.BOMOverride(from.NewDecoder()), data)
	return text, err
}

// delimiterOf returns what separates the cells: what stands most often outside quotes in
// the first lines.
func delimiterOf(text []byte) rune {
	counts, quoted := map[byte]int{}, false
	for _, b := range text[:min(len(text), 16<<10)] {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte(";\t,|", b) >= 0:
			counts[b]++
		}
	}
	best := byte(';')
	for _, b := range []byte("\t|,") {
		// Commas stand in addresses too: they count where nothing else does.
		if counts[b] > counts[best] && (b != ',' || counts[best] == 0) {
			best = b
		}
	}
	return rune(best)
}

var cityWithCode = regexp.MustCompile(`^(?:B-?\s?)?(\d{4})\s+(\D+)$`)

// splitCity takes the postal code off a city: 9000 Gent.
func splitCity(s string) (code, city string) {
	if m := cityWithCode.FindStringSubmatch(s); m != nil {
		return m[1], m[2]
	}
	return "", s
}

// monthAndDay reads the date of a general meeting as month and day: 15/06, 15-6-2024,
// 2024-06-15, 15 juni, 15 juin, or the number of a spreadsheet. Anything else, such as
// the first Monday of June, is no day of every year, and empty.
func monthAndDay(s string) string {
	if days, err := strconv.Atoi(s); err == nil && days > 20_000 && days < 80_000 {
		return time.Date(1899, 12, 30+days, 0, 0, 0, 0, time.UTC).Format("01-02")
	}
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune("/-. ", r) })
	if len(words) == 3 && len(words[0]) == 4 { // 2024-06-15
		words = []string{words[2], words[1]}
	}
	if len(words) < 2 || len(words) > 3 {
		return ""
	}
	day, err := strconv.Atoi(strings.TrimSuffix(words[0], "er"))
	month, ok := monthOf(words[1])
	if err != nil || !ok || day < 1 || time.Date(2024, month, day, 0, 0, 0, 0, time.UTC).Month() != month {
		return ""
	}
	return fmt.Sprintf("%02d-%02d", month, day)
}

// monthOf reads a month, a number or a name.
func monthOf(s string) (time.Month, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Month(n), n >= 1 && n <= 12
	}
	for i, names := range []string{"januari janvier january januar", "februari fevrier février february februar", "maart mars march märz",
		"april avril", "mei mai may", "juni juin june", "juli juillet july", "augustus aout août august", "september septembre",
		"oktober octobre october", "november novembre", "december decembre décembre dezember"} {
		for name := range strings.FieldsSeq(names) {
			if name == s {
				return time.Month(i + 1), true
			}
		}
	}
	return 0, false
}
