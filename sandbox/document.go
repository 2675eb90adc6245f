package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"balansd/balance"
)

// PDF is a layout that Finbox may offer beside those that a reader knows. The
// page says whose balance it is and holds no figures.
const PDF balance.Layout = "pdf"

// mediaTypes names each layout in HTTP. The National Bank's web service uses
// the two "x." names; both XBRL taxonomies travel under the same one.
var mediaTypes = map[balance.Layout]string{
	balance.PFSXBRL:  "application/x.xbrl",
	balance.CBSOXBRL: "application/x.xbrl",
	balance.NBBCSV:   "text/csv",
	balance.NBBJSON:  "application/x.jsonxbrl",
	PDF:              "application/pdf",
}

// MediaType gives the media type under which Finbox offers a layout; empty for
// an unknown one.
func MediaType(l balance.Layout) string { return mediaTypes[l] }

// Document writes a balance in a layout, with a few figures of the annual
// accounts around it as a real filing has. The same balance always gives the
// same bytes. For what a layout cannot carry, see Carries.
func Document(l balance.Layout, b *balance.Balance) ([]byte, error) {
	switch l {
	case balance.PFSXBRL:
		return pfsXBRL(b)
	case balance.CBSOXBRL:
		return cbsoXBRL(b)
	case balance.NBBCSV:
		return nbbCSV(b), nil
	case balance.NBBJSON:
		return nbbJSON(b)
	case PDF:
		return pdf(b), nil
	default:
		return nil, fmt.Errorf("no document can be made in layout %.20q", l)
	}
}

// Carries tells whether a layout can carry a cell. CBSO XBRL cannot carry some
// rubrics of the full model, because their dimension members are not public.
func Carries(l balance.Layout, c balance.Cell) bool {
	switch l {
	case balance.CBSOXBRL:
		r, ok := balance.RubricOf(c.Code)
		return ok && r.CBSO.Metric != "" && (!c.Previous || r.CBSO.Dated)
	case balance.PFSXBRL, balance.NBBCSV, balance.NBBJSON:
		return true
	default:
		return false
	}
}

// accountsFigures are codes of the annual accounts beside the social balance:
// readers must leave them alone. 1311 and 130/1 look like social rubrics.
func accountsFigures(b *balance.Balance) [][2]string {
	rng := rand.New(rand.NewPCG(uint64(len(b.Values)), uint64(b.FiscalYear.End.Year)))
	amount := func() string { return fmt.Sprintf("%d.%02d", 1000+rng.IntN(900000), rng.IntN(100)) }
	figures := [][2]string{}
	for _, code := range []string{"20/58", "10/15", "10", "130", "130/1", "1311", "133", "14", "70", "9901", "9904"} {
		figures = append(figures, [2]string{code, amount()})
	}
	return figures
}

// modelCode is the National Bank's code of a form for a company with capital.
func modelCode(m balance.Model) string {
	switch m {
	case balance.Full:
		return "m02-f"
	case balance.Micro:
		return "m07-f"
	default:
		return "m01-f"
	}
}

// nbbCSV writes the Consult download: an empty first line, then two quoted
// columns. Joint committees are not in it.
func nbbCSV(b *balance.Balance) []byte {
	var out bytes.Buffer
	line := func(key, value string) {
		fmt.Fprintf(&out, "\"%s\",\"%s\"\n", key, strings.ReplaceAll(value, `"`, `""`))
	}
	out.WriteByte('\n')
	line("Reference number", referenceNumber(b))
	line("Entity number", string(b.EnterpriseNumber))
	line("Accounting period start date", b.FiscalYear.Start.String())
	line("Accounting period end date", b.FiscalYear.End.String())
	line("Model code", modelCode(b.Model))
	line("Deposit type", "Initial")
	line("Language", "nl")
	line("Currency", currency(b))
	line("Entity name", b.Name)
	line("Entity address street", "Sint-Verzonnenstraat")
	line("Entity address number", "7")
	line("Entity postal code", "9000")
	line("Entity city", "Gent")
	line("Entity country", "België")
	line("Liquidation flag", "FALSE")
	line("Correction flag", "FALSE")
	line("Legal form", "Besloten vennootschap")
	for _, f := range accountsFigures(b) {
		line(f[0], f[1])
	}
	for _, c := range b.Values.Cells() {
		line(c.String(), balance.Canonical(b.Values[c]))
	}
	return out.Bytes()
}

// nbbJSON writes the web service's document. The enterprise number, the
// financial year and the model are not in it.
func nbbJSON(b *balance.Balance) ([]byte, error) {
	type rubric struct {
		Code   string
		Value  string
		Period string
	}
	type address struct{ Street, Number, City, Country string }
	doc := struct {
		ReferenceNumber        string
		EnterpriseName         string
		Address                address
		LegalForm              string
		JointCommittees        []string
		Rubrics                []rubric
		Administrators         struct{}
		Shareholders           struct{}
		ParticipatingInterests []struct{}
	}{
		ReferenceNumber: referenceNumber(b), EnterpriseName: b.Name, LegalForm: "610",
		Address:         address{"Sint-Verzonnenstraat", "7", "pcd:m9000", "cty:mBE"},
		JointCommittees: b.JointCommittees, ParticipatingInterests: []struct{}{},
	}
	for _, f := range accountsFigures(b) {
		doc.Rubrics = append(doc.Rubrics, rubric{f[0], f[1], "N"})
	}
	for _, c := range b.Values.Cells() {
		period := "N"
		if c.Previous {
			period = "NM1"
		}
		value := balance.Canonical(b.Values[c])
		if !strings.Contains(value, ".") {
			value += ".0" // as the web service writes whole figures
		}
		doc.Rubrics = append(doc.Rubrics, rubric{c.Code, value, period})
	}
	return json.Marshal(doc)
}

func referenceNumber(b *balance.Balance) string {
	tail := "00000000" + string(b.EnterpriseNumber)
	return fmt.Sprintf("%d-%s", b.FiscalYear.End.Year+1, tail[len(tail)-8:])
}

func currency(b *balance.Balance) string {
	if b.Currency == "" {
		return "EUR"
	}
	return b.Currency
}

// pdf writes one page that says whose balance it is.
func pdf(b *balance.Balance) []byte {
	text := fmt.Sprintf("Social balance %s %s", b.EnterpriseNumber.Pretty(), b.FiscalYear.End)
	stream := "BT /F1 14 Tf 72 760 Td (" + text + ") Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return out.Bytes()
}
