package sandbox

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// An instance is an XBRL instance document while it is written.
type instance struct {
	bytes.Buffer
}

func (x *instance) add(format string, args ...any) { fmt.Fprintf(&x.Buffer, format, args...) }

// escaped makes text safe inside an element or an attribute.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// pfsYears are the yearly versions of the old taxonomy that filings were made
// in.
var pfsYears = []string{"2011-04-01", "2015-04-01", "2017-04-01", "2019-04-01", "2020-02-01", "2021-01-01"}

// pfsVersion is the newest version at the end of a financial year.
func pfsVersion(b *balance.Balance) string {
	version := pfsYears[0]
	for _, v := range pfsYears {
		if v <= b.FiscalYear.End.String() {
			version = v
		}
	}
	return version
}

// pfsXBRL writes the old taxonomy: one element a rubric, the year in the
// context, the enterprise number with its BE.
func pfsXBRL(b *balance.Balance) ([]byte, error) {
	form := map[balance.Model]string{balance.Full: "full/pfs-full", balance.Micro: "micro/pfs-mic"}[b.Model]
	if form == "" {
		form = "abbreviated/pfs-abbr"
	}
	version := pfsVersion(b)
	x := &instance{}
	x.add(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	x.add(`<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:iso4217="http://www.xbrl.org/2003/iso4217"`)
	x.add(` xmlns:pfs="http://www.nbb.be/be/fr/pfs/ci/%[1]s" xmlns:pfs-gcd="http://www.nbb.be/be/fr/pfs/ci/gcd/%[1]s" xmlns:pfs-vl="http://www.nbb.be/be/fr/pfs/ci/vl/%[1]s">`+"\n", version)
	x.add(`  <link:schemaRef xlink:type="simple" xlink:href="http://www.nbb.be/be/fr/pfs/ci/%s-%s.xsd"/>`+"\n", form, version)
	y := b.FiscalYear
	x.pfsContext(b, "CurrentInstant", y.End, y.End)
	x.pfsContext(b, "CurrentDuration", y.Start, y.End)
	before := balance.Period{Start: balance.Date{Year: y.Start.Year - 1, Month: y.Start.Month, Day: y.Start.Day}, End: y.Start.AddDays(-1)}
	x.pfsContext(b, "PrecedingInstant", before.End, before.End)
	x.pfsContext(b, "PrecedingDuration", before.Start, before.End)
	x.add(`  <xbrli:unit id="U-EUR"><xbrli:measure>iso4217:%s</xbrli:measure></xbrli:unit>`+"\n", currency(b))
	x.add(`  <xbrli:unit id="U-Pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>` + "\n")
	x.add(`  <pfs-gcd:EntityInformation><pfs-gcd:EntityName><pfs-gcd:EntityCurrentLegalName contextRef="CurrentDuration">%s</pfs-gcd:EntityCurrentLegalName></pfs-gcd:EntityName></pfs-gcd:EntityInformation>`+"\n", escaped(b.Name))
	x.add(`  <pfs:Assets decimals="INF" contextRef="CurrentInstant" unitRef="U-EUR">125000.5</pfs:Assets>` + "\n")
	for _, c := range b.Values.Cells() {
		r, ok := balance.RubricOf(c.Code)
		if !ok || r.PFSElement == "" {
			return nil, fmt.Errorf("rubric %.10q has no element in the pfs taxonomy", c.Code)
		}
		x.pfsFact(r, c.Previous, b.Values[c])
	}
	if len(b.JointCommittees) > 0 {
		x.add("  <pfs:JointIndustrialCommittees>\n")
		for _, j := range b.JointCommittees {
			code := strings.ReplaceAll(j, ".", "")
			x.add(`    <pfs:NumberJointIndustrialCommittee><pfs-vl:XCode_JointCommitteeCode_%[1]s contextRef="CurrentDuration">%[1]s</pfs-vl:XCode_JointCommitteeCode_%[1]s></pfs:NumberJointIndustrialCommittee>`+"\n", code)
		}
		x.add("  </pfs:JointIndustrialCommittees>\n")
	}
	x.add("</xbrli:xbrl>\n")
	return x.Bytes(), nil
}

func (x *instance) pfsContext(b *balance.Balance, id string, start, end balance.Date) {
	x.add(`  <xbrli:context id="%s"><xbrli:entity><xbrli:identifier scheme="http://www.fgov.be">BE%s</xbrli:identifier></xbrli:entity><xbrli:period>`, id, b.EnterpriseNumber)
	if start == end {
		x.add(`<xbrli:instant>%s</xbrli:instant>`, end)
	} else {
		x.add(`<xbrli:startDate>%s</xbrli:startDate><xbrli:endDate>%s</xbrli:endDate>`, start, end)
	}
	x.add("</xbrli:period></xbrli:context>\n")
}

func (x *instance) pfsFact(r balance.Rubric, previous bool, value decimal.Decimal) {
	context := "Current"
	if previous {
		context = "Preceding"
	}
	if r.Instant {
		context += "Instant"
	} else {
		context += "Duration"
	}
	unit := "U-Pure"
	if r.Unit == balance.Money {
		unit = "U-EUR"
	}
	x.add(`  <pfs:%[1]s decimals="INF" contextRef="%[2]s" unitRef="%[3]s">%[4]s</pfs:%[1]s>`+"\n",
		r.PFSElement, context, unit, balance.Canonical(value))
}

// dimensions are the prefixes of the dictionary that social facts use.
var dimensions = []string{"bas", "bnf", "cvt", "dgl", "epc", "gdr", "hrs", "jcc", "mdp", "mmt", "ntr", "open", "part",
	"pfc", "prd", "psn", "qlt", "spec", "typ", "wkr", "wrg"}

// framework is the CBSO version in which a filing of a financial year is made.
func framework(b *balance.Balance) string {
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

// A cbsoWriter collects the contexts, which come before the facts.
type cbsoWriter struct {
	b        *balance.Balance
	contexts instance
	facts    instance
	count    int
}

// context adds a context and gives its id. A member is dimension:member, or
// open:N for the typed axis that numbers the lines of a list.
func (w *cbsoWriter) context(members ...string) string {
	id := fmt.Sprintf("I%d", w.count)
	w.count++
	w.contexts.add("  <context id=\"%s\">\n    <entity><identifier scheme=\"http://www.fgov.be\">%s</identifier></entity>\n    <period><instant>%s</instant></period>\n    <scenario>\n",
		id, w.b.EnterpriseNumber, w.b.FiscalYear.End)
	for _, m := range members {
		dim, value, _ := strings.Cut(m, ":")
		if dim == "open" {
			w.contexts.add("      <xbrldi:typedMember dimension=\"dim:open\"><open:id>%s</open:id></xbrldi:typedMember>\n", value)
			continue
		}
		w.contexts.add("      <xbrldi:explicitMember dimension=\"dim:%s\">%s</xbrldi:explicitMember>\n", dim, m)
	}
	w.contexts.add("    </scenario>\n  </context>\n")
	return id
}

// about writes a fact that is no figure.
func (w *cbsoWriter) about(metric, value string, members ...string) {
	id := w.context(members...)
	w.facts.add("  <%[1]s contextRef=\"%[2]s\">%[3]s</%[1]s>\n", metric, id, escaped(value))
}

// figure writes a rubric.
func (w *cbsoWriter) figure(r balance.Rubric, previous bool, value decimal.Decimal) {
	members := slices.Clone(r.CBSO.Members)
	switch {
	case previous:
		members = append(members, "prd:m2")
	case r.CBSO.Dated:
		members = append(members, "prd:m1")
	}
	unit := "U-pure"
	if r.Unit == balance.Money {
		unit = "U-EUR"
	}
	text := balance.Canonical(value)
	if r.Decimals > 0 && !strings.Contains(text, ".") {
		text += ".0" // as filings write whole figures of a decimal type
	}
	w.facts.add("  <met:%[1]s contextRef=\"%[2]s\" decimals=\"INF\" unitRef=\"%[3]s\">%[4]s</met:%[1]s>\n",
		r.CBSO.Metric, w.context(members...), unit, text)
}

// cbsoXBRL writes the CBSO taxonomy: a rubric is a metric and a set of members
// of dimensions. Figures that it cannot carry are left out, see Carries.
func cbsoXBRL(b *balance.Balance) ([]byte, error) {
	w := &cbsoWriter{b: b}
	w.about("met:str2", string(b.EnterpriseNumber), "part:m2", "bas:m26", "psn:m1", "qlt:m1")
	w.about("met:dte1", b.FiscalYear.Start.String(), "part:m2", "bas:m27", "prd:m1", "mmt:m1")
	w.about("met:dte1", b.FiscalYear.End.String(), "part:m2", "bas:m27", "prd:m1", "mmt:m2")
	w.about("met:str2", b.Name, "part:m2", "bas:m29", "psn:m1")
	for i, j := range b.JointCommittees {
		w.about("jcc-enum:list1", "jcc:m"+strings.ReplaceAll(j, ".", ""), "part:m8", "bas:m110", fmt.Sprintf("open:%d", i+1))
	}
	for _, c := range b.Values.Cells() {
		if r, ok := balance.RubricOf(c.Code); ok && Carries(balance.CBSOXBRL, c) {
			w.figure(r, c.Previous, b.Values[c])
		}
	}
	fw, model := framework(b), modelCode(b.Model)
	x := &instance{}
	x.add(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<xbrl xml:lang="nl" xmlns="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xbrldi="http://xbrl.org/2006/xbrldi" xmlns:iso4217="http://www.xbrl.org/2003/iso4217"`)
	x.add(` xmlns:met="http://www.nbb.be/be/fr/cbso/dict/met" xmlns:dim="http://www.nbb.be/be/fr/cbso/dict/dim" xmlns:jcc-enum="http://www.nbb.be/be/fr/cbso/%s/enum/jcc-enum"`, fw)
	for _, d := range dimensions {
		x.add(` xmlns:%[1]s="http://www.nbb.be/be/fr/cbso/dict/dom/%[1]s"`, d)
	}
	x.add(">\n  <link:schemaRef xlink:type=\"simple\" xlink:href=\"http://www.nbb.be/be/fr/cbso/fws/%s/mod/%s/%s.xsd\"/>\n", fw, strings.TrimSuffix(model, "-f"), model)
	_, _ = x.Write(w.contexts.Bytes())
	x.add("  <unit id=\"U-EUR\"><measure>iso4217:%s</measure></unit>\n  <unit id=\"U-pure\"><measure>pure</measure></unit>\n", currency(b))
	_, _ = x.Write(w.facts.Bytes())
	x.add("</xbrl>\n")
	return x.Bytes(), nil
}
