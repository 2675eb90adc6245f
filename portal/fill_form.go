package portal

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// fillForm fills in the form of a page that is sent to action, as values say. Passwords and
// documents stay empty, and hidden fields are those of the page as it is now.
func fillForm(page []byte, action string, values url.Values) ([]byte, error) {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil, err
	}
	if form := formOfAction(doc, action, values); form != nil {
		f := formFiller{left: url.Values{}}
		for name, list := range values {
			f.left[name] = slices.Clone(list)
		}
		id := attribute(form, "id")
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if owner := attribute(n, "form"); owner != "" && owner == id || owner == "" && isInside(n, form) {
				f.fill(n)
			}
		}
		if attribute(form, "data-ticks") != "" { // ticks on other pages of the list
			for _, value := range f.left["entry"] {
				form.AppendChild(&html.Node{Type: html.ElementNode, DataAtom: atom.Input, Data: "input",
					Attr: []html.Attribute{{Key: "type", Val: "hidden"}, {Key: "name", Val: "entry"}, {Key: "value", Val: value}}})
			}
		}
	}
	var b bytes.Buffer
	err = html.Render(&b, doc)
	return b.Bytes(), err
}

// formOfAction returns the form that is sent to action: of several the one whose hidden
// fields are most like values; nil for none.
func formOfAction(doc *html.Node, action string, values url.Values) (best *html.Node) {
	most := -1
	for n := range doc.Descendants() {
		if n.DataAtom != atom.Form || !strings.EqualFold(attribute(n, "method"), "post") || attribute(n, "action") != action {
			continue
		}
		alike := 0
		for field := range n.Descendants() {
			if field.DataAtom == atom.Input && attribute(field, "type") == "hidden" && slices.Contains(values[attribute(field, "name")], attribute(field, "value")) {
				alike++
			}
		}
		if alike > most {
			best, most = n, alike
		}
	}
	return best
}

// formFiller fills in fields, one after the other.
type formFiller struct {
	left url.Values // what no field had yet
}

func (f *formFiller) fill(n *html.Node) {
	name := attribute(n, "name")
	if name == "" {
		return
	}
	switch n.DataAtom {
	case atom.Input:
		f.fillInput(n, name)
	case atom.Textarea:
		if text, ok := f.next(name); ok {
			for n.FirstChild != nil {
				n.RemoveChild(n.FirstChild)
			}
			n.AppendChild(&html.Node{Type: html.TextNode, Data: text})
		}
	case atom.Select:
		if chosen, ok := f.next(name); ok {
			for o := range n.Descendants() {
				if o.DataAtom == atom.Option {
					setFlag(o, "selected", attribute(o, "value") == chosen)
				}
			}
		}
	}
}

func (f *formFiller) fillInput(n *html.Node, name string) {
	switch attribute(n, "type") {
	case "hidden", "password", "file", "submit", "button":
	case "checkbox", "radio":
		value := attribute(n, "value")
		i := slices.Index(f.left[name], value)
		if i >= 0 {
			f.left[name] = slices.Delete(f.left[name], i, i+1)
		}
		setFlag(n, "checked", i >= 0)
	default:
		if text, ok := f.next(name); ok {
			setFlag(n, "value", false)
			n.Attr = append(n.Attr, html.Attribute{Key: "value", Val: text})
		}
	}
}

// next returns the next value of a field.
func (f *formFiller) next(name string) (string, bool) {
	if len(f.left[name]) == 0 {
		return "", false
	}
	text := f.left[name][0]
	f.left[name] = f.left[name][1:]
	return text, true
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// setFlag sets an attribute without a value, or takes it away.
func setFlag(n *html.Node, key string, on bool) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	if on {
		n.Attr = append(n.Attr, html.Attribute{Key: key})
	}
}

func isInside(n, form *html.Node) bool {
	for p := range n.Ancestors() {
		if p == form {
			return true
		}
	}
	return false
}
