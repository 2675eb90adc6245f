package config

import (
	"cmp"
	"encoding"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/ledger"
)

// valueError says what is wrong with the text of a value, and what would be right.
type valueError struct{ what, right string }

func (e *valueError) Error() string { return e.what + "; " + e.right }

// Secret is text that is never shown or logged: it prints as a mask. Reveal
// returns it.
type Secret struct{ text string }

// mask is shown in place of a secret, whatever its length.
const mask = "(hidden)"

// NewSecret makes a Secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String returns a mask, or the empty string when there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString returns String, so that %#v hides the secret too.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the secret.
func (s *Secret) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

// Size is a number of bytes.
type Size int64

// sizeUnits are the binary units, largest first.
var sizeUnits = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a whole number with one of the units B, KiB, MiB, GiB.
func (s *Size) UnmarshalText(text []byte) error {
	t := string(text)
	digits := strings.TrimRight(t, "BbKkMmGgIi ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return &valueError{fmt.Sprintf("%q is no size", clip.Text(t)), "write a whole number with its unit, as 50MiB"}
	}
	unit := strings.TrimSpace(t[len(digits):])
	for _, u := range sizeUnits {
		if u.name == unit && n <= math.MaxInt64/int64(u.bytes) {
			*s = Size(n) * u.bytes
			return nil
		}
	}
	if unit == "" {
		return &valueError{fmt.Sprintf("%q has no unit", clip.Text(t)), "write " + digits + "MiB or " + digits + "KiB"}
	}
	return &valueError{fmt.Sprintf("%q has a unit that is not known", clip.Text(t)), "the units are B, KiB, MiB and GiB, as in 50MiB"}
}

// String writes the size with the largest unit that keeps it whole.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Hours is a span of the day; the zero Hours is the whole day. One that ends
// before it begins goes over midnight.
type Hours struct{ From, To Clock }

// always is how a person writes the whole day.
const always = "always"

// UnmarshalText reads a span as 20:00-07:00, or always.
func (h *Hours) UnmarshalText(text []byte) error {
	t := string(text)
	if t == always {
		*h = Hours{}
		return nil
	}
	from, to, ok := strings.Cut(t, "-")
	var span Hours
	if !ok || span.From.UnmarshalText([]byte(from)) != nil || span.To.UnmarshalText([]byte(to)) != nil || span.From == span.To {
		return &valueError{fmt.Sprintf("%q is no span of the day", clip.Text(t)), "write two times as 20:00-07:00, or always"}
	}
	*h = span
	return nil
}

// String writes what UnmarshalText reads.
func (h Hours) String() string {
	if h == (Hours{}) {
		return always
	}
	return h.From.String() + "-" + h.To.String()
}

// Addresses are the IP addresses of one network, or a single address.
type Addresses struct{ netip.Prefix }

// UnmarshalText reads an address as 10.0.0.5, or a network as 10.0.0.0/24.
func (a *Addresses) UnmarshalText(text []byte) error {
	if one, err := netip.ParseAddr(string(text)); err == nil && one.Zone() == "" {
		one = one.Unmap()
		a.Prefix = netip.PrefixFrom(one, one.BitLen())
		return nil
	}
	network, err := netip.ParsePrefix(string(text))
	if err != nil || network != network.Masked() || network.Addr().Is4In6() {
		return &valueError{fmt.Sprintf("%q is no IP address", clip.Text(string(text))), "write an address as 10.0.0.5, or a network as 10.0.0.0/24"}
	}
	a.Prefix = network
	return nil
}

// String writes what UnmarshalText reads.
func (a Addresses) String() string {
	if a.IsSingleIP() {
		return a.Addr().String()
	}
	return a.Prefix.String()
}

// MarshalText returns String.
func (a Addresses) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Days is a time span in whole days, at least one; 0 is for ever.
type Days int

// forever is how a person writes a span without end.
const forever = "forever"

// UnmarshalText reads days as 400d, or forever.
func (d *Days) UnmarshalText(text []byte) error {
	t := string(text)
	if t == forever {
		*d = 0
		return nil
	}
	digits, unit := strings.CutSuffix(t, "d")
	n, err := strconv.Atoi(digits)
	if err != nil || !unit || n < 1 || n > 100*366 {
		return &valueError{fmt.Sprintf("%q is no number of days", clip.Text(t)), "write days as 400d, or forever"}
	}
	*d = Days(n)
	return nil
}

// String writes what UnmarshalText reads.
func (d Days) String() string {
	if d == 0 {
		return forever
	}
	return strconv.Itoa(int(d)) + "d"
}

// Clock is a local time of day.
type Clock struct{ Hour, Minute int }

// UnmarshalText reads HH:MM or H:MM, from 0:00 to 23:59.
func (c *Clock) UnmarshalText(text []byte) error {
	t, err := time.Parse("15:04", string(text))
	if err != nil {
		return &valueError{fmt.Sprintf("%q is no time of day", clip.Text(string(text))), "write hours and minutes as 02:30"}
	}
	c.Hour, c.Minute = t.Hour(), t.Minute()
	return nil
}

// String writes HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// From says which balances of a dossier or folder count. The zero From means
// those made after the activation.
type From struct {
	All  bool         // every balance, however old
	Date balance.Date // those made on this day or later; zero when not set
}

// UnmarshalText reads all, activation, or a date as 2025-01-01.
func (f *From) UnmarshalText(text []byte) error {
	switch string(text) {
	case ledger.FromAll:
		*f = From{All: true}
		return nil
	case ledger.FromActivation:
		*f = From{}
		return nil
	}
	d, err := balance.ParseDate(string(text))
	if err != nil {
		return &valueError{fmt.Sprintf("%q is no date", clip.Text(string(text))), "write a day as 2025-01-31, or all"}
	}
	*f = From{Date: d}
	return nil
}

// String writes what UnmarshalText reads; the zero From is the empty string.
func (f From) String() string {
	if f.All {
		return "all"
	}
	return f.Date.String()
}

// parseDuration reads a duration with its unit. A bare number is refused: it
// would be taken for nanoseconds by one library and for seconds by another.
func parseDuration(t string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(t, 64); err == nil {
		return 0, &valueError{fmt.Sprintf("%q has no unit", clip.Text(t)), fmt.Sprintf("write %[1]ss, %[1]sm or %[1]sh", clip.Text(t))}
	}
	d, err := time.ParseDuration(t)
	switch {
	case err != nil:
		return 0, &valueError{fmt.Sprintf("%q is no duration", clip.Text(t)), "write a number with its unit, as 30s, 15m or 6h"}
	case d < 0:
		return 0, &valueError{fmt.Sprintf("%q is negative", clip.Text(t)), "write it without the minus"}
	}
	return d, nil
}

// formatDuration writes a duration as people do: 6h, not 6h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseZone reads the name of a time zone. Local is refused: it is another
// zone on another server.
func parseZone(t string) (*time.Location, error) {
	loc, err := time.LoadLocation(cmp.Or(t, "Local"))
	if err != nil || loc == time.Local {
		return nil, &valueError{fmt.Sprintf("%q is no time zone", clip.Text(t)), "write its name as Europe/Brussels"}
	}
	return loc, nil
}

// isScalar reports whether a setting of the type is one value.
func isScalar(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[*time.Location](), reflect.TypeFor[time.Duration]():
		return true
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool:
		return true
	default:
		return false
	}
}

// setText reads the text of a value into v.
func setText(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return parseInto(p, text, parseDuration)
	case **time.Location:
		return parseInto(p, text, parseZone)
	case *balance.EnterpriseNumber:
		if err := parseInto(p, text, balance.ParseEnterpriseNumber); err != nil {
			return &valueError{err.Error(), "compare it with the register (form: 0123.456.789)"}
		}
		return nil
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	}
	return setPlain(v, text)
}

// parseInto parses a text into p, which keeps its value on an error.
func parseInto[T any](p *T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err == nil {
		*p = value
	}
	return err
}

// setPlain parses a string, a number or a bool into v.
func setPlain(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		text = strings.TrimRight(text, "\r\n") // a YAML block ends with one
		if strings.ContainsFunc(text, unicode.IsControl) {
			return &valueError{"has a line break or another control character in it",
				`write it on one line; between double quotes a backslash means a special character, so write a path in single quotes, as 'C:\data', or with slashes`}
		}
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &valueError{fmt.Sprintf("%q is no whole number", clip.Text(text)), "write digits only, as 4"}
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return &valueError{fmt.Sprintf("%q is no number", clip.Text(text)), "write a number, as 5 or 2.5"}
		}
		v.SetFloat(f)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return &valueError{fmt.Sprintf("%q is neither true nor false", clip.Text(text)), "write true or false"}
		}
		v.SetBool(text == "true")
	default:
		return fmt.Errorf("settings of type %s cannot be read", v.Type())
	}
	return nil
}
