package source

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"balansd/administration"
	"balansd/balance"
	"balansd/internal/clip"
)

// maxKBORow bounds a row of the open data, in bytes.
const maxKBORow = 64 << 10

// kboTable is a table of the open data: its name, and the columns that are read of it, the
// first that of the enterprise.
type kboTable struct {
	name    string
	columns []string
}

var (
	metaTable         = kboTable{"meta", []string{"Variable", "Value"}}
	codeTable         = kboTable{"code", []string{"Category", "Code", "Language", "Description"}}
	enterpriseTable   = kboTable{"enterprise", []string{"EnterpriseNumber", "JuridicalForm", "JuridicalFormCAC"}}
	denominationTable = kboTable{"denomination", []string{"EntityNumber", "Language", "TypeOfDenomination", "Denomination"}}
	addressTable      = kboTable{"address", []string{"EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL", "MunicipalityFR",
		"StreetNL", "StreetFR", "HouseNumber", "Box", "DateStrikingOff"}}
)

// kboExtract holds what is read of the open data, by the number as it stands there.
type kboExtract struct {
	report *administration.Report
	names  map[string]bool // keys of the names that are sought
	starts map[string]bool // the first letters of these, to tell most other names quickly
	forms  map[string]administration.Text
	found  map[string]*kboEnterprise
	file   string // which is being read

	// seeking says that rows are read for the names that are sought alone.
	seeking bool
}

// kboEnterprise is what is read of one enterprise.
type kboEnterprise struct {
	own     bool // its number was asked for
	active  bool
	form    string
	names   administration.Text
	address *kboAddress
}

type kboAddress struct {
	streets, cities                  administration.Text
	number, box, postalCode, country string
}

func newKBOExtract(q administration.Query, report *administration.Report) *kboExtract {
	x := &kboExtract{report: report, names: map[string]bool{}, starts: map[string]bool{}, forms: map[string]administration.Text{}, found: map[string]*kboEnterprise{}}
	for _, n := range q.Numbers {
		x.found[n.Pretty()] = &kboEnterprise{own: true}
	}
	for _, n := range q.Names {
		if key := administration.NameKey(n); key != "" {
			x.names[key] = true
			x.starts[start(key)] = true
		}
	}
	return x
}

// readFile reads tables of a ZIP.
func (x *kboExtract) readFile(ctx context.Context, f kboFile, tables []kboTable) error {
	z, err := zip.OpenReader(f.path)
	if err != nil {
		if errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errIncomplete
		}
		return pathless(err)
	}
	defer func() { _ = z.Close() }()
	x.file = path.Base(f.path)
	for _, t := range tables {
		members := []string{t.name}
		if !f.full && t.name != metaTable.name && t.name != codeTable.name {
			members = []string{t.name + "_delete", t.name + "_insert"}
		}
		for _, name := range members {
			if err := x.readMember(ctx, &z.Reader, name, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMember reads a member of a ZIP to its end, where its checksum is compared.
func (x *kboExtract) readMember(ctx context.Context, z *zip.Reader, name string, t kboTable) error {
	i := slices.IndexFunc(z.File, func(f *zip.File) bool { return strings.EqualFold(path.Base(f.Name), name+".csv") })
	if i < 0 {
		return fmt.Errorf("it has no %s.csv", name)
	}
	m, err := z.File[i].Open()
	if err != nil {
		return errIncomplete
	}
	defer func() { _ = m.Close() }()
	columns := t.columns
	remove := strings.HasSuffix(name, "_delete")
	if remove {
		columns = columns[:1]
	}
	err = eachKBORow(ctx, m, columns, func(row []string) error {
		if remove {
			if !x.seeking {
				x.remove(t, row[0])
			}
			return nil
		}
		if x.seeking {
			x.seek(row)
			return nil
		}
		if t.name != metaTable.name && t.name != codeTable.name {
			x.report.Read++
		}
		return x.add(t, row)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s.csv: %w", name, err)
	}
	return err
}

// boundedRow is a reader that ends where one row takes too much of it.
type boundedRow struct {
	r    io.Reader
	left int
}

func (b *boundedRow) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("a row is too long; a quote may be missing")
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// eachKBORow calls each for the rows of a member, with the columns in the order that is
// asked for. row is used again for the next one.
func eachKBORow(ctx context.Context, m io.Reader, columns []string, each func(row []string) error) error {
	bounded := &boundedRow{r: m, left: maxKBORow}
	r := csv.NewReader(bounded)
	r.ReuseRecord = true
	var at []int
	row := make([]string, len(columns))
	for n := 0; ; n++ {
		if n%10_000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		bounded.left = maxKBORow
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && at != nil:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("it is empty")
		case errors.Is(err, zip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF):
			return errIncomplete
		case errors.Is(err, csv.ErrFieldCount):
			line, _ := r.FieldPos(0)
			return fmt.Errorf("line %d has another number of columns than the first", line)
		case err != nil:
			if p, ok := errors.AsType[*csv.ParseError](err); ok {
				return csvError(p)
			}
			if strings.HasPrefix(err.Error(), "flate:") {
				return errIncomplete
			}
			return err
		case at == nil:
			if at, err = positions(cells, columns); err != nil {
				return err
			}
			continue
		}
		for i, p := range at {
			row[i] = cells[p]
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// positions finds columns in the head of a member.
func positions(head, columns []string) (at []int, err error) {
	for _, c := range columns {
		i := slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), c) })
		if i < 0 && c == "JuridicalFormCAC" { // older extracts have none
			i = slices.IndexFunc(head, func(h string) bool { return h == "JuridicalForm" })
		}
		if i < 0 {
			return nil, fmt.Errorf("it has no column %s", c)
		}
		at = append(at, i)
	}
	return at, nil
}

// remove forgets the rows of an enterprise in a table.
func (x *kboExtract) remove(t kboTable, number string) {
	e := x.found[number]
	switch {
	case e == nil:
	case t.name == enterpriseTable.name:
		e.active = false
	case t.name == denominationTable.name:
		e.names = nil
	case t.name == addressTable.name:
		e.address = nil
	}
}

// add takes what a row says, if it is about one of the firm's clients.
func (x *kboExtract) add(t kboTable, row []string) error {
	switch t.name {
	case metaTable.name:
		if row[0] == "SnapshotDate" {
			at, err := time.Parse("02-01-2006", row[1])
			if err != nil {
				return fmt.Errorf("the date %q is not one as 31-12-2025", clip.Text(row[1]))
			}
			x.report.AsOf = at
		}
		return nil
	case codeTable.name:
		if row[0] == "JuridicalForm" {
			if x.forms[row[1]] == nil {
				x.forms[strings.Clone(row[1])] = administration.Text{}
			}
			x.forms[row[1]][strings.ToLower(row[2])] = strings.Clone(row[3])
		}
		return nil
	case denominationTable.name:
		x.addName(row)
		return nil
	}
	e := x.found[row[0]]
	if e == nil || x.broken(row) {
		return nil
	}
	if t.name == enterpriseTable.name {
		e.active, e.form = true, strings.Clone(row[1])
		if row[2] != "" {
			e.form = strings.Clone(row[2])
		}
		return nil
	}
	if kind, struck := row[1], row[11]; kind == "REGO" && struck == "" {
		e.address = &kboAddress{streets: twoTexts(row[7], row[8]), cities: twoTexts(row[5], row[6]), number: strings.Clone(row[9]), box: strings.Clone(row[10]),
			postalCode: strings.Clone(row[4]), country: strings.Clone(row[2])}
		if e.address.country == "" {
			e.address.country = strings.Clone(row[3])
		}
	}
	return nil
}

// seek finds an enterprise by its name.
func (x *kboExtract) seek(row []string) {
	if x.found[row[0]] == nil && row[2] == "001" && x.sought(row[3]) {
		x.found[strings.Clone(row[0])] = &kboEnterprise{}
	}
}

// addName takes an official name.
func (x *kboExtract) addName(row []string) {
	if row[2] != "001" || row[3] == "" {
		return
	}
	e := x.found[row[0]]
	if e == nil || x.broken(row) {
		return
	}
	if e.names == nil {
		e.names = administration.Text{}
	}
	e.names[map[string]string{"1": "fr", "2": "nl", "3": "de", "4": "en"}[row[1]]] = strings.Clone(row[3])
}

// broken reports whether a row holds what is no text, or too much of it.
func (x *kboExtract) broken(row []string) bool {
	for _, c := range row {
		switch {
		case !utf8.ValidString(c):
			x.report.Leave(administration.LeftAside{Reason: administration.NotReadable, File: x.file, Value: row[0]})
			return true
		case utf8.RuneCountInString(c) > maxListValue:
			x.report.Leave(administration.LeftAside{Reason: administration.TooLong, File: x.file, Value: row[0]})
			return true
		}
	}
	return false
}

// sought reports whether a name is one of those that are sought.
func (x *kboExtract) sought(name string) bool {
	if len(x.names) == 0 {
		return false
	}
	if s := start(name); s != "" && !x.starts[s] {
		return false
	}
	return x.names[administration.NameKey(name)]
}

// start returns up to four letters or digits that begin the first word of a name, or of the
// key of one; empty where that says nothing, because the word has accents, points or a
// single letter.
func start(name string) string {
	var s [4]byte
	n := 0
	for i := 0; i < len(name) && n < len(s); i++ {
		c := name[i]
		switch {
		case c >= utf8.RuneSelf, c == '.':
			return ""
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case n < 2:
			return ""
		default:
			return string(s[:n])
		}
		s[n] = c
		n++
	}
	return string(s[:n])
}

// settleNames forgets enterprises that had a name that is sought, and have another one
// since.
func (x *kboExtract) settleNames() {
	for number, e := range x.found {
		if !e.own && !slices.ContainsFunc(e.names.All(), func(n string) bool { return x.names[administration.NameKey(n)] }) {
			delete(x.found, number)
		}
	}
}

func twoTexts(nl, fr string) administration.Text {
	t := administration.Text{}
	for language, s := range map[string]string{"nl": nl, "fr": fr} {
		if s != "" {
			t[language] = strings.Clone(s)
		}
	}
	return t
}

// records makes records of the enterprises that are active, in the order of their numbers.
func (x *kboExtract) records() (all []administration.Record) {
	for written, e := range x.found {
		number, err := balance.ParseEnterpriseNumber(written)
		if err != nil || !e.active {
			continue
		}
		r := administration.Record{Reference: string(number), EnterpriseNumber: number, Names: e.names, LegalForms: x.forms[e.form], AsOf: x.report.AsOf}
		if len(r.Names) > 0 {
			r.Known = append(r.Known, administration.Name)
		}
		if len(r.LegalForms) > 0 {
			r.Known = append(r.Known, administration.LegalForm)
		}
		if a := e.address; a != nil {
			r.Streets, r.Cities, r.Number, r.Box, r.PostalCode, r.Country = a.streets, a.cities, a.number, a.box, a.postalCode, a.country
			if r.Country == "" {
				r.Country = "BE"
			}
			r.Known = append(r.Known, administration.AddressFields()...)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b administration.Record) int { return strings.Compare(a.Reference, b.Reference) })
	return all
}
