package balance

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// xmlText is XML while it is written.
type xmlText struct{ bytes.Buffer }

func (x *xmlText) add(format string, args ...any) { fmt.Fprintf(&x.Buffer, format, args...) }

// escaped makes text safe inside an element or an attribute.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// pfsVersion is the newest version of the yearly taxonomy at the end of a
// financial year, of those that filings were made in.
func pfsVersion(b *Balance) string {
	versions := []string{"2011-04-01", "2015-04-01", "2017-04-01", "2019-04-01", "2020-02-01", "2021-01-01"}
	newest := versions[0]
	for _, v := range versions {
		if v <= b.FiscalYear.End.String() {
			newest = v
		}
	}
	return newest
}

// staffAccountPFS is the element of rubric 62, of the income statement.
const staffAccountPFS = "RemunerationSocialSecurityPensions"

// writePFS writes the old taxonomy: one element a rubric, the year in the
// context, the enterprise number with its BE.
func writePFS(b *Balance) []byte {
	form := "abbreviated/pfs-abbr"
	switch b.Model {
	case Full:
		form = "full/pfs-full"
	case Micro:
		form = "micro/pfs-mic"
	}
	version := pfsVersion(b)
	x := &xmlText{}
	x.add(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	x.add(`<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:iso4217="http://www.xbrl.org/2003/iso4217"`)
	x.add(` xmlns:pfs="http://www.nbb.be/be/fr/pfs/ci/%[1]s" xmlns:pfs-gcd="http://www.nbb.be/be/fr/pfs/ci/gcd/%[1]s" xmlns:pfs-vl="http://www.nbb.be/be/fr/pfs/ci/vl/%[1]s">`+"\n", version)
	x.add(`  <link:schemaRef xlink:type="simple" xlink:href="http://www.nbb.be/be/fr/pfs/ci/%s-%s.xsd"/>`+"\n", form, version)
	x.pfsContexts(b)
	x.add(`  <xbrli:unit id="U-EUR"><xbrli:measure>iso4217:%s</xbrli:measure></xbrli:unit>`+"\n", escaped(b.currency()))
	x.add(`  <xbrli:unit id="U-Pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>` + "\n")
	if b.Name != "" {
		x.add(`  <pfs-gcd:EntityInformation><pfs-gcd:EntityName><pfs-gcd:EntityCurrentLegalName contextRef="CurrentDuration">%s</pfs-gcd:EntityCurrentLegalName></pfs-gcd:EntityName></pfs-gcd:EntityInformation>`+"\n", escaped(b.Name))
	}
	if b.PersonnelCosts != nil {
		x.pfsFact(staffAccountPFS, "CurrentDuration", "U-EUR", *b.PersonnelCosts)
	}
	for _, c := range b.Values.Cells() {
		r, ok := RubricOf(c.Code)
		if !ok {
			continue
		}
		context := map[bool]string{false: "Current", true: "Preceding"}[c.Previous] + map[bool]string{false: "Duration", true: "Instant"}[r.Instant]
		unit := map[bool]string{false: "U-Pure", true: "U-EUR"}[r.Unit == Money]
		x.pfsFact(r.PFSElement, context, unit, b.Values[c])
	}
	if len(b.JointCommittees) > 0 {
		x.add("  <pfs:JointIndustrialCommittees>\n")
		for _, j := range b.JointCommittees {
			if !isCommitteeCode(j) {
				continue
			}
			x.add(`    <pfs:NumberJointIndustrialCommittee><pfs-vl:XCode_JointCommitteeCode_%[1]s contextRef="CurrentDuration">%[1]s</pfs-vl:XCode_JointCommitteeCode_%[1]s></pfs:NumberJointIndustrialCommittee>`+"\n", committeeCode(j))
		}
		x.add("  </pfs:JointIndustrialCommittees>\n")
	}
	x.add("</xbrli:xbrl>\n")
	return x.Bytes()
}

// committeeCode writes a joint committee as filings do, 149.01 as 14901. Only
// letters and digits stay, as the code is part of an element's name.
func committeeCode(j string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, j)
}

// isCommitteeCode reports whether a joint committee is named by its number, and
// not by a text of its own.
func isCommitteeCode(j string) bool {
	code := committeeCode(j)
	return code != "" && len(j) <= 20 && code == strings.ReplaceAll(j, ".", "")
}

// pfsContexts writes the four contexts that filings have. The year before is
// taken to be as long as a calendar year.
func (x *xmlText) pfsContexts(b *Balance) {
	y := b.FiscalYear
	before := Period{DateOf(time.Date(y.Start.Year-1, y.Start.Month, y.Start.Day, 0, 0, 0, 0, time.UTC)), y.Start.AddDays(-1)}
	for _, c := range []struct {
		name string
		Period
	}{{"Current", y}, {"Preceding", before}} {
		const entity = `  <xbrli:context id="%s"><xbrli:entity><xbrli:identifier scheme="http://www.fgov.be">BE%s</xbrli:identifier></xbrli:entity><xbrli:period>`
		x.add(entity+`<xbrli:instant>%s</xbrli:instant></xbrli:period></xbrli:context>`+"\n", c.name+"Instant", b.EnterpriseNumber, c.End)
		x.add(entity+`<xbrli:startDate>%s</xbrli:startDate><xbrli:endDate>%s</xbrli:endDate></xbrli:period></xbrli:context>`+"\n", c.name+"Duration", b.EnterpriseNumber, c.Start, c.End)
	}
}

func (x *xmlText) pfsFact(element, context, unit string, value decimal.Decimal) {
	x.add(`  <pfs:%[1]s decimals="INF" contextRef="%[2]s" unitRef="%[3]s">%[4]s</pfs:%[1]s>`+"\n", element, context, unit, Canonical(value))
}

// framework is the CBSO version in which a filing of a financial year is made.
func framework(b *Balance) string {
	switch year := b.FiscalYear.End.Year; {
	case year >= 2025:
		return "26.0"
	case year == 2024:
		return "25.0"
	case year >= 2022:
		return "23.0"
	default:
		return "22.19"
	}
}

// cbsoWriter collects the contexts, which come before the facts.
type cbsoWriter struct {
	b          *Balance
	contexts   xmlText
	facts      xmlText
	count      int
	dimensions []string // those that some context names
}

// context adds a context and returns its id. A member is dimension:member, or
// open:N for the typed axis that numbers the lines of a list.
func (w *cbsoWriter) context(members ...string) string {
	id := fmt.Sprintf("I%d", w.count)
	w.count++
	w.contexts.add("  <context id=\"%s\">\n    <entity><identifier scheme=\"http://www.fgov.be\">%s</identifier></entity>\n    <period><instant>%s</instant></period>\n    <scenario>\n",
		id, w.b.EnterpriseNumber, w.b.FiscalYear.End)
	for _, m := range members {
		dimension, value, _ := strings.Cut(m, ":")
		if !slices.Contains(w.dimensions, dimension) {
			w.dimensions = append(w.dimensions, dimension)
		}
		if dimension == "open" {
			w.contexts.add("      <xbrldi:typedMember dimension=\"dim:open\"><open:id>%s</open:id></xbrldi:typedMember>\n", value)
			continue
		}
		w.contexts.add("      <xbrldi:explicitMember dimension=\"dim:%s\">%s</xbrldi:explicitMember>\n", dimension, m)
	}
	w.contexts.add("    </scenario>\n  </context>\n")
	return id
}

// about writes a fact that is no figure.
func (w *cbsoWriter) about(metric, value string, members ...string) {
	if value == "" {
		return
	}
	id := w.context(members...)
	w.facts.add("  <%[1]s contextRef=\"%[2]s\">%[3]s</%[1]s>\n", metric, id, escaped(value))
}

// figure writes a figure; known members are those of its rubric.
func (w *cbsoWriter) figure(metric string, unit Unit, decimals int, value decimal.Decimal, members []string) {
	name := map[bool]string{false: "U-pure", true: "U-EUR"}[unit == Money]
	text := Canonical(value)
	if decimals > 0 {
		text = pointed(text)
	}
	w.facts.add("  <met:%[1]s contextRef=\"%[2]s\" decimals=\"INF\" unitRef=\"%[3]s\">%[4]s</met:%[1]s>\n", metric, w.context(members...), name, text)
}

// writeCBSO writes the CBSO taxonomy: a rubric is a metric and a set of members
// of dimensions. Cells that it cannot carry are left out.
func writeCBSO(b *Balance) []byte {
	w := &cbsoWriter{b: b}
	w.about("met:str2", string(b.EnterpriseNumber), "part:m2", "bas:m26", "psn:m1", "qlt:m1")
	w.about("met:dte1", b.FiscalYear.Start.String(), "part:m2", "bas:m27", "prd:m1", "mmt:m1")
	w.about("met:dte1", b.FiscalYear.End.String(), "part:m2", "bas:m27", "prd:m1", "mmt:m2")
	w.about("met:str2", b.Name, "part:m2", "bas:m29", "psn:m1")
	w.about("met:bln1", strconv.FormatBool(b.Correction), "part:m2", "bas:m28", "dcl:m2")
	for i, j := range b.JointCommittees {
		metric, value := "jcc-enum:list1", "jcc:m"+committeeCode(j)
		if !isCommitteeCode(j) {
			metric, value = "met:"+freeText, j
		}
		w.about(metric, value, "part:m8", "bas:m110", fmt.Sprintf("open:%d", i+1))
	}
	if b.PersonnelCosts != nil {
		w.figure("am2", Money, 2, *b.PersonnelCosts, []string{"part:m4", "bas:m1", "ntr:m7", "prd:m1"})
	}
	for _, c := range b.Values.Cells() {
		if !Carries(CBSOXBRL, c) {
			continue
		}
		r, _ := RubricOf(c.Code)
		members := slices.Clone(r.CBSO.Members)
		switch {
		case c.Previous:
			members = append(members, "prd:m2")
		case r.CBSO.Dated:
			members = append(members, "prd:m1")
		}
		w.figure(r.CBSO.Metric, r.Unit, r.Decimals, b.Values[c], members)
	}
	return w.document()
}

// document puts the parts together. A model that is not known is written as the
// abbreviated one.
func (w *cbsoWriter) document() []byte {
	fw, model := framework(w.b), modelCode(w.b.Model)
	if model == "" {
		model = modelCode(Abbreviated)
	}
	x := &xmlText{}
	x.add(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<xbrl xml:lang="nl" xmlns="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xbrldi="http://xbrl.org/2006/xbrldi" xmlns:iso4217="http://www.xbrl.org/2003/iso4217"`)
	x.add(` xmlns:met="http://www.nbb.be/be/fr/cbso/dict/met" xmlns:dim="http://www.nbb.be/be/fr/cbso/dict/dim" xmlns:jcc-enum="http://www.nbb.be/be/fr/cbso/%s/enum/jcc-enum"`, fw)
	for _, d := range append([]string{"jcc"}, slices.Sorted(slices.Values(w.dimensions))...) {
		x.add(` xmlns:%[1]s="http://www.nbb.be/be/fr/cbso/dict/dom/%[1]s"`, d)
	}
	x.add(">\n  <link:schemaRef xlink:type=\"simple\" xlink:href=\"http://www.nbb.be/be/fr/cbso/fws/%s/mod/%s/%s.xsd\"/>\n", fw, strings.TrimSuffix(model, "-f"), model)
	_, _ = x.Write(w.contexts.Bytes())
	x.add("  <unit id=\"U-EUR\"><measure>iso4217:%s</measure></unit>\n  <unit id=\"U-pure\"><measure>pure</measure></unit>\n", escaped(w.b.currency()))
	_, _ = x.Write(w.facts.Bytes())
	x.add("</xbrl>\n")
	return x.Bytes()
}
