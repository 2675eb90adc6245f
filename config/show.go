package config

import (
	"bytes"
	"encoding"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Setting is one value of a Config, for a person.
type Setting struct {
	Key    string `json:"key"`   // as night.at or folders[0].path
	Value  string `json:"value"` // secrets as a mask
	Origin string `json:"origin"`
}

// Settings lists every value with where it comes from, secrets hidden, in the
// order of the configuration file.
func (c *Config) Settings() []Setting {
	var list []Setting
	c.walk(func(key, value string) {
		if path, ok := c.original[key]; ok {
			value = path
		}
		list = append(list, Setting{Key: key, Value: value, Origin: c.origin(key).String()})
	})
	return list
}

// Show writes the settings as YAML, secrets hidden, with where each comes from
// in a comment.
func (c *Config) Show() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c.node(reflect.ValueOf(c).Elem(), "")); err != nil {
		return nil, fmt.Errorf("writing the settings: %w", err)
	}
	return b.Bytes(), nil
}

// origin finds where a key, or the list that holds it, was set.
func (c *Config) origin(key string) Origin {
	if o, ok := c.origins[key]; ok || !strings.HasSuffix(key, "]") {
		return o
	}
	// An item of a plain list was set where the list was.
	return c.origins[key[:strings.LastIndexByte(key, '[')]]
}

// node makes the YAML tree of a value.
func (c *Config) node(v reflect.Value, key string) *yaml.Node {
	if isScalar(v.Type()) {
		// The encoder quotes what would be read as something else.
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: formatted(key, v), LineComment: c.origin(key).String()}
		if v.Kind() == reflect.String || n.Value == "" {
			n.Tag = "!!str"
		}
		return n
	}
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		fs := fieldsOf(v.Type())
		for _, name := range fs.names {
			n.Content = append(n.Content, named(name), c.node(v.Field(fs.index[name]), join(key, name)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Style: flowIfEmpty(v.Len())}
		for _, k := range sortedKeys(v) {
			n.Content = append(n.Content, named(k), c.node(v.MapIndex(reflect.ValueOf(k)), join(key, k)))
		}
		return n
	default:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: flowIfEmpty(v.Len())}
		for i := range v.Len() {
			n.Content = append(n.Content, c.node(v.Index(i), key+"["+strconv.Itoa(i)+"]"))
		}
		return n
	}
}

// walk visits every single value, in the order of the struct.
func (c *Config) walk(each func(key, value string)) {
	var walk func(v reflect.Value, key string)
	walk = func(v reflect.Value, key string) {
		switch {
		case isScalar(v.Type()):
			each(key, formatted(key, v))
		case v.Kind() == reflect.Struct:
			fs := fieldsOf(v.Type())
			for _, name := range fs.names {
				walk(v.Field(fs.index[name]), join(key, name))
			}
		case v.Kind() == reflect.Map:
			for _, k := range sortedKeys(v) {
				walk(v.MapIndex(reflect.ValueOf(k)), join(key, k))
			}
		default:
			for i := range v.Len() {
				walk(v.Index(i), key+"["+strconv.Itoa(i)+"]")
			}
		}
	}
	walk(reflect.ValueOf(c).Elem(), "")
}

// formatted writes a value as it is written in the file.
func formatted(key string, v reflect.Value) string {
	if key == "network.proxy" { // the one setting that may hold a password besides secrets
		if u, err := url.Parse(v.String()); err == nil {
			return u.Redacted()
		}
		return mask
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return formatDuration(x)
	case *time.Location:
		return x.String()
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return mask
		}
		return string(text)
	default:
		return fmt.Sprint(x)
	}
}

func named(name string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: name, Tag: "!!str"}
}

func flowIfEmpty(n int) yaml.Style {
	if n == 0 {
		return yaml.FlowStyle
	}
	return 0
}

func sortedKeys(v reflect.Value) []string {
	m := v.Interface().(map[string]string)
	return slices.Sorted(maps.Keys(m))
}
