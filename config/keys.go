package config

import (
	"fmt"
	"reflect"
	"strings"
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

// singles walks the settings of v that are one value and stand in no list:
// those that an environment variable can set. The key is as finbox.base_url.
func singles(v reflect.Value, key string, each func(key string, v reflect.Value)) {
	fs := fieldsOf(v.Type())
	for _, name := range fs.names {
		f, path := v.Field(fs.index[name]), join(key, name)
		switch {
		case isScalar(f.Type()):
			each(path, f)
		case f.Kind() == reflect.Struct:
			singles(f, path, each)
		}
	}
}

// sectionType finds the struct that holds the settings of a section, by its key,
// as folders[0].
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

// variable is the environment variable of a setting.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// join puts a name behind the key of its section.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// leaf is the last part of a key.
func leaf(key string) string { return key[strings.LastIndex(key, ".")+1:] }

// suggestKey says what a person may have meant by an unknown setting.
func suggestKey(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if home := homesOf(name); len(home) > 0 {
		return fmt.Sprintf("it belongs at %s", strings.Join(home, " or "))
	}
	return "known here are " + strings.Join(known, ", ")
}

// homesOf lists the places where a setting of that name is known.
func homesOf(name string) []string {
	var homes []string
	singles(reflect.ValueOf(&Config{}).Elem(), "", func(key string, _ reflect.Value) {
		if leaf(key) == name {
			homes = append(homes, key)
		}
	})
	return homes
}

// nearest returns the known name that is fewest typing slips away, or nothing
// when that would be more than one in three letters.
func nearest(name string, known []string) string {
	best, limit := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// distance counts the letters to add, drop or change to make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
