package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// scalar is a single value of the file, as text: an id 00123 keeps its zeros.
type scalar struct {
	key   string
	text  string
	empty bool
}

// Aliases can make a small file huge, or endless: its tree has bounds.
const (
	maxNodes = 100_000
	maxDepth = 20
)

// Decoder makes the reader viper's decoder of every format.
func (r *reader) Decoder(string) (viper.Decoder, error) { return r, nil }

// Decode reads a YAML text into a tree of maps, lists and scalars, and records
// where each key stands and every mistake of form. It returns no error.
func (r *reader) Decode(text []byte, into map[string]any) error {
	root := r.document(text)
	if root == nil || root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: root.Line, Column: root.Column,
			What: "the file holds no settings", Right: "write settings as \"key: value\""})
		return nil
	}
	maps.Copy(into, r.section(root, "", r.defaults, 0))
	if r.nodes > maxNodes {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, What: "the file refers to itself, or is too large", Right: "write it without aliases"})
	}
	return nil
}

// document parses the one YAML document of a file; nil where there is none.
func (r *reader) document(text []byte) *yaml.Node {
	// UTF-16 without a mark at its start is valid UTF-8, with a zero in every
	// other byte.
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, What: "the file is not UTF-8", Right: "save it as UTF-8"})
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			r.syntax(err, text)
		}
		return nil
	}
	if err := dec.Decode(&more); err == nil {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: more.Line, Column: more.Column,
			What: "a second YAML document starts here", Right: "keep all settings in one, without the line ---"})
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err, text)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// section reads a mapping. A doubled key is left out, and so is an empty one
// whose default is a section or a list: its settings are all commented out.
func (r *reader) section(n *yaml.Node, key string, byDefault map[string]any, depth int) map[string]any {
	section := map[string]any{}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, name := n.Content[i], n.Content[i].Value
		path := join(key, name)
		if line, ok := seen[name]; ok {
			r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: at.Line, Column: at.Column, Key: path,
				What: fmt.Sprintf("is set twice, first on line %d", line), Right: "keep one of the two"})
			continue
		}
		seen[name] = at.Line
		r.origins[path] = Origin{File: r.file, Line: at.Line, Column: at.Column}
		below, _ := byDefault[name].(map[string]any)
		value := r.tree(n.Content[i+1], path, below, depth+1)
		if written, ok := value.(scalar); ok && written.empty && byDefault[name] != nil {
			if _, single := byDefault[name].(string); !single {
				continue
			}
		}
		if m, ok := value.(map[string]any); ok && len(m) == 0 && len(byDefault) > 0 && byDefault[name] == nil {
			r.rejectUnknown(key, name) // viper leaves an empty section out
		}
		section[foldKey(name)] = value
	}
	return section
}

// tree reads any node.
func (r *reader) tree(n *yaml.Node, key string, byDefault map[string]any, depth int) any {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		r.nodes = maxNodes + 1
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.tree(n.Alias, key, byDefault, depth)
	case yaml.MappingNode:
		return r.section(n, key, byDefault, depth)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			path := fmt.Sprintf("%s[%d]", key, i)
			r.origins[path] = Origin{File: r.file, Line: item.Line, Column: item.Column}
			list[i] = r.tree(item, path, nil, depth+1)
		}
		return list
	}
	return scalar{key: key, text: n.Value, empty: n.ShortTag() == "!!null"}
}

// foldKey writes a key so that viper, which folds keys to lower case, keeps it
// apart from others: a rubric is 1003P, and Night is not the setting night.
// Each letter that has a lower case gets a mark.
func foldKey(key string) string {
	var b strings.Builder
	for _, c := range key {
		if low := unicode.ToLower(c); low != c || c == '^' {
			b.WriteByte('^')
			c = low
		}
		b.WriteRune(c)
	}
	return b.String()
}

// restoreKey undoes foldKey.
func restoreKey(key string) string {
	var b strings.Builder
	marked := false
	for _, c := range key {
		if c == '^' && !marked {
			marked = true
			continue
		}
		if marked {
			c = unicode.ToUpper(c)
		}
		marked = false
		b.WriteRune(c)
	}
	return b.String()
}
