package balance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// jsonRubric is one item of the list Rubrics in the National Bank's JSON.
type jsonRubric struct {
	Code   string
	Value  json.RawMessage // a string such as "1961298.0"; a number is read too
	Period string          // N, or NM1 for the previous year; N when absent
}

// readJSON reads the JSON ("jsonxbrl") of the National Bank's web service. It
// says neither enterprise number nor dates nor model: whoever asked for it
// knows them.
func (d *draft) readJSON(text []byte) error {
	j := &jsonReader{draft: d, text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	if first(text) != '{' {
		return &ReadError{What: "this is JSON, but a list" + accepted}
	}
	if err := j.document(); err != nil {
		return err
	}
	if !j.rubrics {
		return &ReadError{What: "this is JSON, but has no list of Rubrics" + accepted}
	}
	return nil
}

type jsonReader struct {
	*draft
	text    []byte
	decoder *json.Decoder
	rubrics bool // the list was there
}

// document reads the top level, one key after the other, so that memory stays
// in proportion.
func (j *jsonReader) document() error {
	if _, err := j.decoder.Token(); err != nil {
		return j.broken(err)
	}
	for j.decoder.More() {
		key, err := j.decoder.Token()
		if err != nil {
			return j.broken(err)
		}
		switch key {
		case "Rubrics":
			j.balance.Layout = NBBJSON
			j.rubrics = true
			err = j.list(j.rubric)
		case "JointCommittees":
			err = j.list(j.jointCommittee)
		case "EnterpriseName":
			var name any
			err = j.decoder.Decode(&name)
			j.balance.Name, _ = name.(string)
		default:
			var rest json.RawMessage
			err = j.decoder.Decode(&rest)
		}
		if err != nil {
			return j.broken(err)
		}
	}
	if _, err := j.decoder.Token(); err != nil {
		return j.broken(err)
	}
	if _, err := j.decoder.Token(); err != io.EOF {
		return j.fail(j.here(), "there is text after the end of the JSON")
	}
	return nil
}

// list reads a list item by item; null is an empty one.
func (j *jsonReader) list(item func() error) error {
	token, err := j.decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return j.fail(j.here(), "a list is expected here")
	}
	for j.decoder.More() {
		if err := item(); err != nil {
			return err
		}
	}
	_, err = j.decoder.Token()
	return err
}

func (j *jsonReader) rubric() error {
	at := j.decoder.InputOffset()
	var r jsonRubric
	if err := j.decoder.Decode(&r); err != nil {
		return err
	}
	rubric, previous, ok := j.cell(strings.TrimSpace(r.Code))
	if !ok {
		return nil
	}
	switch r.Period {
	case "", "N":
	case "NM1":
		previous = true
	default:
		j.find("context", []string{j.data.rubrics[rubric].Code},
			"Rubric %s is stated for the period %q, which is neither the year nor the year before", r.Code, clip(r.Period))
		return nil
	}
	value := string(r.Value)
	switch {
	case value == "null":
		value = ""
	case strings.HasPrefix(value, `"`):
		if err := json.Unmarshal(r.Value, &value); err != nil {
			return err
		}
	}
	return j.put(rubric, previous, strings.TrimSpace(value), j.placeOfItem(at))
}

// jointCommittee reads an item that is a number, a text such as 200 or
// jcc:m200, or an object with a Code.
func (j *jsonReader) jointCommittee() error {
	var item any
	at := j.decoder.InputOffset()
	var raw json.RawMessage
	if err := j.decoder.Decode(&raw); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&item); err != nil {
		return err
	}
	if object, ok := item.(map[string]any); ok {
		item = object["Code"]
	}
	switch v := item.(type) {
	case string:
		_, code, coded := strings.Cut(v, ":")
		if !coded {
			code = v
		}
		j.committee(strings.TrimPrefix(code, "m"))
	case json.Number:
		j.committee(v.String())
	default:
		j.find("joint_committee", nil, "Line %d: a joint committee without a number", j.placeOfItem(at).line)
	}
	return nil
}

func (j *jsonReader) here() place { return placeOf(j.text, int(j.decoder.InputOffset())) }

// placeOfItem finds the item that starts after an offset, behind the comma and
// the white space before it.
func (j *jsonReader) placeOfItem(offset int64) place {
	rest := j.text[offset:]
	return placeOf(j.text, int(offset)+len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,")))
}

// broken turns an error of the parser into ours.
func (j *jsonReader) broken(err error) error {
	var known *ReadError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if !j.rubrics && j.balance.Layout == "" {
		j.balance.Layout = NBBJSON
	}
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return j.fail(placeOf(j.text, len(j.text)), "the document breaks off")
	case errors.As(err, &syntax):
		return j.fail(j.here(), "the JSON is not well-formed")
	case errors.As(err, &kind):
		return j.fail(j.here(), "%s is of another kind than the National Bank's JSON has", clip(kind.Field))
	default:
		return j.fail(j.here(), "the JSON cannot be read")
	}
}
