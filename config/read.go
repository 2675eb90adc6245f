package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"balansd/internal/clip"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Origin is where a setting's value comes from.
type Origin struct {
	File     string // empty unless it comes from a file
	Line     int
	Column   int
	Variable string // the environment variable, empty unless it comes from one
	Secret   string // the secret file that the value was read from
}

// String returns the origin as people read it, such as "default",
// "balansd.yaml:12" or "environment BALANSD_LANGUAGE".
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

// reader reads a Config through viper and records every mistake, instead of
// stopping at the first. It is viper's decoder of YAML.
type reader struct {
	file     string
	origins  map[string]Origin // by key, as folders[0].path; sections too
	defaults map[string]any    // the tree of the defaults
	nodes    int               // of the YAML tree, aliases followed
	mistakes []Mistake
}

// reject records a mistake in the value of a key: what is wrong with it, and what
// would be right.
func (r *reader) reject(key, what, right string) { r.add(r.mistake(key, what, right)) }

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

// add records a mistake, unless there is one already for the same key: that one
// is the cause of the others. A mistake inside a file that the key names is
// recorded once for each of its lines.
func (r *reader) add(m Mistake) {
	if !slices.ContainsFunc(r.mistakes, func(x Mistake) bool {
		return x.Key == m.Key && (m.File == r.file || x.File == m.File && x.Line == m.Line)
	}) {
		r.mistakes = append(r.mistakes, m)
	}
}

// origin returns where a key, or else the section around it, was set.
func (r *reader) origin(key string) Origin {
	for key != "" {
		if o, ok := r.origins[key]; ok {
			return o
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return Origin{}
}

// keyDelimiter joins the parts of a key for viper. No YAML text holds a NUL.
const keyDelimiter = "\x00"

// read merges the defaults in c, the text of a file and the environment into c,
// with viper. A setting whose value cannot be read keeps its default.
func (r *reader) read(c *Config, text []byte, environ []string) {
	v := viper.NewWithOptions(viper.WithDecoderRegistry(r), viper.KeyDelimiter(keyDelimiter))
	r.defaults = plainSection(reflect.ValueOf(c).Elem(), "")
	for key, value := range r.defaults {
		v.SetDefault(key, value)
	}
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		r.reject("", err.Error(), "")
	}
	for key, value := range r.readEnvironment(environ) {
		v.Set(strings.ReplaceAll(key, ".", keyDelimiter), value)
	}
	zone := c.TimeZone
	c.TimeZone = nil // mapstructure would decode into the shared *time.Location
	r.collectMistakes(v.Unmarshal(c, func(d *mapstructure.DecoderConfig) {
		d.TagName, d.ErrorUnused, d.WeaklyTypedInput = "yaml", true, false
		d.DecodeHook = mapstructure.DecodeHookFuncValue(decodeValue)
		d.MatchName = func(key, field string) bool { return key == field }
	}))
	if c.TimeZone == nil {
		c.TimeZone = zone
	}
}

// plainTree returns settings as the tree that viper merges, with each value as
// text.
func plainTree(v reflect.Value, key string) any {
	switch {
	case isScalar(v.Type()):
		return formatted(key, v)
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plainTree(v.Index(i), key)
		}
		return list
	case v.Kind() == reflect.Map:
		return map[string]any{} // no map has entries by default
	}
	return plainSection(v, key)
}

func plainSection(v reflect.Value, key string) map[string]any {
	section := map[string]any{}
	fs := fieldsOf(v.Type())
	for _, name := range fs.names {
		section[name] = plainTree(v.Field(fs.index[name]), join(key, name))
	}
	return section
}

// invalidKeys begins mapstructure's error for unknown keys in a section.
const invalidKeys = "has invalid keys: "

// collectMistakes records the mistakes in an error of mapstructure.
func (r *reader) collectMistakes(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			r.collectMistakes(one)
		}
		return
	}
	one, ok := err.(*mapstructure.DecodeError) //nolint:errorlint // the tree is walked error by error
	if !ok {
		if err != nil {
			r.collectMistakes(errors.Unwrap(err)) // a wrapper around the joined errors
		}
		return
	}
	key := restoreKey(one.Name())
	if w, ok := errors.AsType[*valueError](one); ok {
		r.reject(key, w.what, w.right)
	} else if keys, ok := strings.CutPrefix(one.Unwrap().Error(), invalidKeys); ok {
		for name := range strings.SplitSeq(keys, ", ") {
			r.rejectUnknown(key, restoreKey(name))
		}
	} else {
		r.reject(key, one.Unwrap().Error(), "")
	}
}

// rejectUnknown records an unknown key in a section.
func (r *reader) rejectUnknown(section, name string) {
	r.reject(join(section, name), "this setting is not known", suggestKey(name, fieldsOf(sectionType(section)).names))
}

// decodeValue is mapstructure's hook for every value. It returns nil for a value
// that it has set itself.
func decodeValue(from, to reflect.Value) (any, error) {
	if p, ok := to.Addr().Interface().(interface{ setDefaults() }); ok {
		p.setDefaults()
	}
	written, inFile := from.Interface().(scalar)
	if text, ok := from.Interface().(string); ok {
		written = scalar{text: text}
	} else if !inFile && isScalar(to.Type()) {
		return nil, &valueError{"holds " + kindName(from), "write a single value"}
	}
	switch {
	case isScalar(to.Type()) && written.empty:
		return nil, &valueError{"has no value", "give it one, or leave the line out"}
	case inFile && to.Type() == reflect.TypeFor[Secret]():
		return nil, &valueError{"a secret is written in the configuration file",
			fmt.Sprintf("put it in a file of its own and name that as %s_file, or set %s", leaf(written.key), variable(written.key))}
	case isScalar(to.Type()):
		return nil, setText(to, written.text)
	case written.empty: // a section whose settings are all commented out
		return nil, nil
	case to.Kind() == reflect.Slice && from.Kind() != reflect.Slice:
		return nil, &valueError{"holds " + kindName(from), "write a list, each item on a line that starts with \"- \""}
	case to.Kind() != reflect.Slice && from.Kind() != reflect.Map:
		return nil, &valueError{"holds " + kindName(from), "write its settings below it, as \"key: value\""}
	case to.Kind() == reflect.Map:
		free := map[string]any{}
		for name, value := range from.Interface().(map[string]any) {
			free[restoreKey(name)] = value
		}
		return free, nil
	}
	return from.Interface(), nil
}

// setDefaults sets the defaults of a folder, before its settings are read.
func (r *Recipient) setDefaults() { r.Role = RoleAll }

func (w *Webhook) setDefaults() { w.Role, w.Format = RoleAll, FormatJSON }

func (f *Folder) setDefaults() { f.Settle, f.Layout = defaultSettle, FolderAuto }

// setDefaults sets the defaults of a firm's target, before its settings are read.
func (f *FirmTarget) setDefaults() { f.Target = defaultTarget() }

// kindName returns in words what kind of YAML was found where a value belongs.
func kindName(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Map:
		return "settings of its own"
	case reflect.Slice:
		return "a list"
	}
	text, _ := v.Interface().(string)
	if written, ok := v.Interface().(scalar); ok {
		text = written.text
	}
	return fmt.Sprintf("the single value %q", clip.Text(text))
}
