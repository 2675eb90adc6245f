package balance

import "bytes"

// The bounds of an XML document. Filings nest ten deep and have some eighty
// attributes, all of them on the root.
const (
	maxDepth      = 64
	maxAttributes = 512
)

// guardXML looks over an XML document before it is parsed. It refuses what
// would make a parser spend memory out of proportion (deep nesting, elements
// with very many attributes) and document type declarations, which are how XML
// reaches other files and grows entities. XBRL needs none of these. It leaves
// all other mistakes to the parser.
func guardXML(text []byte) *ReadError {
	depth := 0
	refuse := func(at int, what string) *ReadError {
		p := placeOf(text, at)
		return &ReadError{Line: p.line, Column: p.column, What: what}
	}
	for i := 0; ; {
		j := bytes.IndexByte(text[i:], '<')
		if j < 0 {
			return nil
		}
		at := i + j
		rest := text[at:]
		var end int
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = past(rest, 4, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end = past(rest, 9, "]]>")
		case bytes.HasPrefix(rest, []byte("<?")):
			end = past(rest, 2, "?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			return refuse(at, "document type and entity declarations are not accepted")
		case bytes.HasPrefix(rest, []byte("</")):
			depth--
			end = past(rest, 2, ">")
		default:
			var attributes int
			end, attributes = tagEnd(rest)
			if attributes > maxAttributes {
				return refuse(at, "an element has too many attributes")
			}
			if end < 2 || rest[end-2] != '/' {
				depth++
			}
			if depth > maxDepth {
				return refuse(at, "the elements are nested too deep")
			}
		}
		if end < 0 {
			return nil // unfinished: the parser says so
		}
		i = at + end
	}
}

// past gives the index after the next stop, searched from an index, or -1.
func past(text []byte, from int, stop string) int {
	j := bytes.Index(text[from:], []byte(stop))
	if j < 0 {
		return -1
	}
	return from + j + len(stop)
}

// tagEnd gives the index after the tag that text starts with, or -1, and
// counts its attributes.
func tagEnd(text []byte) (end, attributes int) {
	var quote byte
	for i, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			attributes++
		case c == '>':
			return i + 1, attributes
		}
	}
	return -1, attributes
}
