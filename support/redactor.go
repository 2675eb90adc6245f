package support

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"balansd/balance"
)

// What stands in the place of what is left out.
const (
	leftOut    = "(left out)"
	secretMark = "(secret)"
)

// Redactor replaces names and secrets. Names that it was told are replaced by what says
// which one it is, as "entry 12"; what may be a name is left out.
type Redactor struct {
	withNames bool
	names     map[string]string // by name
	secrets   []string
	replacer  *strings.Replacer
}

// NewRedactor returns a Redactor. withNames leaves names in place; figures and secrets
// never are.
func NewRedactor(withNames bool) *Redactor {
	return &Redactor{withNames: withNames, names: map[string]string{}}
}

// shortest is the length of the shortest name that is replaced inside a text. A shorter
// one would be found in other words.
const shortest = 4

// AddName adds a name, with what stands in its place. The first one of a name counts.
func (r *Redactor) AddName(name, instead string) {
	if name = strings.TrimSpace(name); name == "" || r.withNames {
		return
	}
	r.replacer = nil // it is made of all names, when it is needed
	for _, spelling := range spellings(name) {
		if _, known := r.names[spelling]; !known {
			r.names[spelling] = "(" + instead + ")"
		}
	}
}

// AddSecret adds a secret.
func (r *Redactor) AddSecret(secret string) {
	r.replacer = nil
	if len(secret) >= shortest {
		r.secrets = append(r.secrets, secret)
	}
}

// spellings returns a name in the ways in which texts have it.
func spellings(name string) []string {
	list := []string{name, strings.ToUpper(name), strings.ToLower(name)}
	if n, err := balance.ParseEnterpriseNumber(name); err == nil {
		list = append(list, n.String(), n.Pretty(), "BE"+n.String(), "BE "+n.Pretty())
	}
	for _, s := range slices.Clone(list) {
		quoted := strconv.Quote(s)
		text, _ := json.Marshal(s)
		list = append(list, quoted[1:len(quoted)-1], string(text[1:len(text)-1]), url.PathEscape(s), url.QueryEscape(s))
	}
	return list
}

// Text returns a text without the names and secrets that were added.
func (r *Redactor) Text(s string) string {
	if r.replacer == nil {
		var pairs []string
		for _, secret := range r.secrets {
			for _, spelling := range spellings(secret) {
				pairs = append(pairs, spelling, secretMark)
			}
		}
		names := make([]string, 0, len(r.names))
		for name := range r.names {
			names = append(names, name)
		}
		// Of several that begin at one place the first one counts.
		slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
		for _, name := range names {
			if len(name) >= shortest {
				pairs = append(pairs, name, r.names[name])
			}
		}
		r.replacer = strings.NewReplacer(pairs...)
	}
	return r.replacer.Replace(s)
}

// The parts of a sentence that may hold a name: what is in quotes, paths, what follows a
// folder, mail addresses, and enterprise numbers.
var (
	word     = regexp.MustCompile(`[\pL\pN]+`)
	label    = regexp.MustCompile(`[a-z_]+="(?:[^"\\]|\\.)*"`)
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|“[^”]*”|«[^»]*»`)
	path     = regexp.MustCompile(`(^|[\s(=])(?:/|[A-Za-z]:[\\/]|\\\\)[^";,\n]*?(: |[";,\n]|$)`)
	inFolder = regexp.MustCompile(`(\((?:folder|link|entry|finbox) \d+\))[/\\][^";,\n]*?(: |[";,\n]|$)`)
	mail     = regexp.MustCompile(`[^\s"<>()]+@[^\s"<>(),;]+`)
	number   = regexp.MustCompile(`\b(?:BE\s?)?[01]?\d{3}[. ]?\d{3}[. ]?\d{3}\b`)
	address  = regexp.MustCompile(`(https?://[^/\s"]+)/[^\s"]*`)
)

// Sentence is Text for a sentence that may hold names that were not added.
func (r *Redactor) Sentence(s string) string {
	if r.withNames {
		return r.Text(s)
	}
	s = word.ReplaceAllStringFunc(r.Text(s), r.short)
	s = inFolder.ReplaceAllString(s, "$1$2")
	s = quoted.ReplaceAllString(s, `"…"`)
	s = address.ReplaceAllString(s, "$1/…")
	s = path.ReplaceAllString(s, "$1(path)$2")
	s = mail.ReplaceAllString(s, "(address)")
	return number.ReplaceAllString(s, "(number)")
}

// short returns what stands in the place of a word that is a short name, else the word.
func (r *Redactor) short(s string) string {
	if instead, ok := r.names[s]; ok && len(s) < shortest {
		return instead
	}
	return s
}

// Metrics returns metrics in the text format of Prometheus without names.
func (r *Redactor) Metrics(text string) string {
	if r.withNames {
		return r.Text(text)
	}
	return label.ReplaceAllStringFunc(r.Text(text), func(s string) string {
		name, value, _ := strings.Cut(s, "=")
		if plain, err := strconv.Unquote(value); err == nil && name == "connection" && !strings.HasPrefix(plain, "(") {
			return name + "=" + strconv.Quote(r.known(plain))
		}
		return s
	})
}

// JSON returns a JSON value without names, figures and secrets, nil if it is none. Numbers,
// truth values, times and known words stay, sentences are shortened, and whatever else is
// text is left out.
func (r *Redactor) JSON(text []byte) []byte {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil
	}
	out, err := json.Marshal(r.value("", v, false))
	if err != nil {
		return nil
	}
	return out
}

// value reduces the value of a key. named says that the object is about a client, a file
// or a person: its sentences may name it.
func (r *Redactor) value(key string, v any, named bool) any {
	switch v := v.(type) {
	case map[string]any:
		return r.object(v)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = r.value(key, one, named)
		}
		return out
	case string:
		return r.text(key, v, named)
	default:
		return v
	}
}

func (r *Redactor) object(v map[string]any) map[string]any {
	named := false
	for key, one := range v {
		named = named || one != nil && one != "" && isNaming(key)
	}
	out := map[string]any{}
	for key, one := range v {
		if !isFigure(key) {
			out[r.key(key)] = r.value(key, one, named)
		}
	}
	return out
}

// key returns the key of an object, which may be a name in a map by names.
func (r *Redactor) key(key string) string {
	if r.withNames || identifier.MatchString(key) && r.names[key] == "" {
		return key
	}
	return r.known(key)
}

var digits = regexp.MustCompile(`^[0-9]+$`)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (r *Redactor) text(key, s string, named bool) string {
	switch {
	case s == "":
		return s
	case r.withNames:
		return r.Text(s)
	case isPlain(key), isNumber(key) && digits.MatchString(s):
		return r.Text(s)
	case isSentence(key) && !named:
		return r.Sentence(s)
	default:
		return r.known(s)
	}
}

// known returns what stands in the place of a name.
func (r *Redactor) known(s string) string {
	if instead, ok := r.names[s]; ok {
		return instead
	}
	return leftOut
}

// WithNames reports whether names stay.
func (r *Redactor) WithNames() bool { return r.withNames }
