package config

import (
	"fmt"
	"reflect"
	"strings"

	"balansd/internal/typo"
)

// fields are the settings of one section.
type fields struct {
	names []string
	index map[string]int // of the struct field, by name
}

// fieldsOf lists the settings of a struct by their yaml tags.
func fieldsOf(t reflect.Type) fields {
	f := fields{index: map[string]int{}}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			f.names = append(f.names, name)
			f.index[name] = i
		}
	}
	return f
}

// eachScalar calls each for the settings in v that have a single value and are in
// no list: those that an environment variable can set. key is such as
// "finbox.base_url".
func eachScalar(v reflect.Value, key string, each func(key string, v reflect.Value)) {
	fs := fieldsOf(v.Type())
	for _, name := range fs.names {
		f, path := v.Field(fs.index[name]), join(key, name)
		switch {
		case isScalar(f.Type()):
			each(path, f)
		case f.Kind() == reflect.Struct:
			eachScalar(f, path, each)
		}
	}
}

// sectionType returns the struct type of a section, by its key, such as
// "folders[0]".
func sectionType(key string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for name := range strings.SplitSeq(key, ".") {
		name, _, item := strings.Cut(name, "[")
		if i, ok := fieldsOf(t).index[name]; ok {
			t = t.Field(i).Type
		}
		if item {
			t = t.Elem()
		}
	}
	return t
}

// variable returns the environment variable of a setting.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// join returns the key of a setting in a section.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// leaf returns the last part of a key.
func leaf(key string) string { return key[strings.LastIndex(key, ".")+1:] }

// suggestKey suggests a setting in place of an unknown one.
func suggestKey(name string, known []string) string {
	if best := typo.Nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if keys := keysNamed(name); len(keys) > 0 {
		return fmt.Sprintf("it belongs at %s", strings.Join(keys, " or "))
	}
	return "known here are " + strings.Join(known, ", ")
}

// keysNamed lists the keys whose last part is name.
func keysNamed(name string) []string {
	var keys []string
	eachScalar(reflect.ValueOf(&Config{}).Elem(), "", func(key string, _ reflect.Value) {
		if leaf(key) == name {
			keys = append(keys, key)
		}
	})
	return keys
}
