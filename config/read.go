package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"balansd/balance"
)

// Origin is where a setting's value comes from.
type Origin struct {
	File     string // empty unless it comes from a file
	Line     int
	Column   int
	Variable string // the environment variable, empty unless it comes from one
	Secret   string // the secret file that the value was read from
}

// String says it for a person: default, balansd.yaml:12 or a variable's name.
func (o Origin) String() string {
	switch {
	case o.Secret != "":
		return "file " + o.Secret
	case o.Variable != "":
		return "environment " + o.Variable
	case o.File != "":
		return o.File + ":" + strconv.Itoa(o.Line)
	default:
		return "default"
	}
}

// reader fills a Config from a YAML tree and notes every mistake, instead of
// stopping at the first.
type reader struct {
	file     string
	origins  map[string]Origin // by key, as folders[0].path; sections too
	mistakes []Mistake
}

// wrong notes a mistake about a key.
func (r *reader) wrong(key, what, right string) { r.note(r.mistake(key, what, right)) }

// mistake makes a mistake at the place where a key was set.
func (r *reader) mistake(key, what, right string) Mistake {
	o := r.origin(key)
	m := Mistake{File: o.File, Line: o.Line, Column: o.Column, Key: key, What: what, Right: right}
	if o.Variable != "" {
		m.File, m.Key = "", o.Variable
	} else if o.File == "" {
		m.File = r.file
	}
	return m
}

// note adds a mistake. A key gets one mistake only at one place: the first is
// the cause of the others. A file that a key names has places of its own.
func (r *reader) note(m Mistake) {
	if !slices.ContainsFunc(r.mistakes, func(x Mistake) bool {
		return x.Key == m.Key && (m.File == r.file || x.File == m.File && x.Line == m.Line)
	}) {
		r.mistakes = append(r.mistakes, m)
	}
}

// origin finds where a key, or else the section around it, was set.
func (r *reader) origin(key string) Origin {
	for key != "" {
		if o, ok := r.origins[key]; ok {
			return o
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return Origin{}
}

// syntaxLine finds the line in an error of the YAML parser, which gives it as
// text only.
var syntaxLine = regexp.MustCompile(`line (\d+): `)

// document reads the whole file into c.
func (r *reader) document(text []byte, c *Config) {
	// UTF-16 without a mark at its start is valid UTF-8, with a zero in every
	// other byte.
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, What: "the file is not UTF-8", Right: "save it as UTF-8"})
		return
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if len(strings.TrimSpace(string(text))) > 0 && err.Error() != "EOF" {
			r.syntax(err, text)
		}
		return
	}
	if err := dec.Decode(&more); err == nil {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: more.Line, Column: more.Column,
			What: "a second YAML document starts here", Right: "keep all settings in one, without the line ---"})
	} else if err.Error() != "EOF" {
		r.syntax(err, text)
	}
	if len(doc.Content) == 1 {
		r.value(doc.Content[0], reflect.ValueOf(c).Elem(), "")
	}
}

// syntax notes a text that is no YAML.
func (r *reader) syntax(err error, text []byte) {
	if line := tabbed(text); line > 0 && strings.Contains(err.Error(), "cannot start any token") {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: line, Column: 1,
			What: fmt.Sprintf("line %d begins with a tab", line), Right: "use spaces"})
		return
	}
	m := Mistake{File: r.file, Column: 1, Right: "write settings as \"key: value\", indented with spaces"}
	m.What = "this is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")
	if found := syntaxLine.FindStringSubmatch(err.Error()); found != nil {
		m.Line, _ = strconv.Atoi(found[1])
		m.What = strings.Replace(m.What, found[0], "", 1)
	}
	r.mistakes = append(r.mistakes, m)
}

// tabbed gives the number of the first line that is indented with a tab, which
// YAML does not take; 0 when there is none.
func tabbed(text []byte) int {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 {
			return number
		}
	}
	return 0
}

// value reads one node into v.
func (r *reader) value(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, ok := r.origins[key]; !ok && key != "" {
		r.origins[key] = Origin{File: r.file, Line: n.Line, Column: n.Column}
	}
	empty := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	switch {
	case isScalar(v.Type()):
		r.scalar(n, v, key, empty)
	case empty:
		// A section whose settings are all commented out.
	case v.Kind() == reflect.Struct:
		r.section(n, v, key)
	case v.Kind() == reflect.Slice:
		r.list(n, v, key)
	case v.Kind() == reflect.Map:
		r.table(n, v, key)
	}
}

// scalar reads a single value. The text itself counts, not what YAML takes it
// for: an id 00123 keeps its zeros.
func (r *reader) scalar(n *yaml.Node, v reflect.Value, key string, empty bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.wrong(key, "holds "+kindName(n), "write a single value")
	case empty:
		r.wrong(key, "has no value", "give it one, or leave the line out")
	case v.Type() == reflect.TypeFor[Secret]():
		r.wrong(key, "a secret is written in the configuration file",
			fmt.Sprintf("put it in a file of its own and name that as %s_file, or set %s", leaf(key), variable(key)))
	default:
		if err := setText(v, n.Value); err != nil {
			r.refused(key, err)
		}
	}
}

// refused notes a value that could not be read.
func (r *reader) refused(key string, err error) {
	if w, ok := errors.AsType[*wrong](err); ok {
		r.wrong(key, w.what, w.right)
		return
	}
	r.wrong(key, err.Error(), "")
}

// section reads a mapping into a struct: its settings are those of the struct
// and no others, each once.
func (r *reader) section(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		r.wrong(key, "holds "+kindName(n), "write its settings below it, as \"key: value\"")
		return
	}
	fields := fieldsOf(v.Type())
	r.pairs(n, key, func(name, path string, at, value *yaml.Node) {
		i, ok := fields.index[name]
		if !ok {
			r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: at.Line, Column: at.Column,
				Key: path, What: "this setting is not known", Right: suggestKey(name, fields.names)})
			return
		}
		r.origins[path] = Origin{File: r.file, Line: at.Line, Column: at.Column}
		r.value(value, v.Field(i), path)
	})
}

// pairs walks a mapping and notes the doubled keys, which it leaves out.
func (r *reader) pairs(n *yaml.Node, key string, each func(name, path string, at, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := n.Content[i]
		path := join(key, at.Value)
		if line, ok := seen[at.Value]; ok {
			r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: at.Line, Column: at.Column, Key: path,
				What: fmt.Sprintf("is set twice, first on line %d", line), Right: "keep one of the two"})
			continue
		}
		seen[at.Value] = at.Line
		each(at.Value, path, at, n.Content[i+1])
	}
}

// list reads a sequence into a slice, in place of its default.
func (r *reader) list(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(key, "holds "+kindName(n), "write a list, each item on a line that starts with \"- \"")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if p, ok := v.Index(i).Addr().Interface().(interface{ preset() }); ok {
			p.preset()
		}
		r.value(item, v.Index(i), fmt.Sprintf("%s[%d]", key, i))
	}
}

// table reads a mapping with free keys into a map of texts.
func (r *reader) table(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		r.wrong(key, "holds "+kindName(n), "write its pairs below it, as \"key: value\"")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	r.pairs(n, key, func(name, path string, at, value *yaml.Node) {
		r.origins[path] = Origin{File: r.file, Line: at.Line, Column: at.Column}
		text := reflect.New(v.Type().Elem()).Elem()
		r.value(value, text, path)
		v.SetMapIndex(reflect.ValueOf(name), text)
	})
}

// preset gives a folder its defaults before its settings are read.
func (f *Folder) preset() { f.Settle = defaultSettle }

// isScalar tells whether a setting of the type is one value.
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
		d, err := parseDuration(text)
		*p = orKeep(*p, d, err)
		return err
	case **time.Location:
		loc, err := parseZone(text)
		*p = orKeep(*p, loc, err)
		return err
	case *balance.EnterpriseNumber:
		n, err := balance.ParseEnterpriseNumber(text)
		if err != nil {
			return &wrong{err.Error(), "compare it with the register (form: 0123.456.789)"}
		}
		*p = n
		return nil
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	}
	return setPlain(v, text)
}

// setPlain reads a text, a number or a truth.
func setPlain(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &wrong{fmt.Sprintf("%q is no whole number", clip(text)), "write digits only, as 4"}
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return &wrong{fmt.Sprintf("%q is no number", clip(text)), "write a number, as 5 or 2.5"}
		}
		v.SetFloat(f)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return &wrong{fmt.Sprintf("%q is neither true nor false", clip(text)), "write true or false"}
		}
		v.SetBool(text == "true")
	default:
		return fmt.Errorf("settings of type %s cannot be read", v.Type())
	}
	return nil
}

// orKeep gives the new value, or the old one when there was an error.
func orKeep[T any](old, read T, err error) T {
	if err != nil {
		return old
	}
	return read
}

// kindName names what a node is, for a person.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "settings of its own"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("the single value %q", clip(n.Value))
	}
}
