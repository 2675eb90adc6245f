package madeup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"balansd/balance"
)

// PDF is a layout that Finbox may offer beside those that a reader knows. The
// page says whose balance it is and holds no figures.
const PDF balance.Layout = "pdf"

// Document writes a balance in a layout, with a few figures of the annual
// accounts around it as a real filing has. The same balance always gives the
// same bytes. For what a layout cannot carry, see balance.Left.
func Document(l balance.Layout, b *balance.Balance) ([]byte, error) {
	switch l {
	case PDF:
		return pdf(b), nil
	case balance.NBBPDF:
		return pdfForm(b)
	}
	doc, err := balance.Write(l, b)
	if err != nil {
		return nil, err
	}
	switch l {
	case balance.NBBCSV:
		return append(doc, csvAround(b)...), nil
	case balance.NBBJSON:
		return jsonAround(doc, b)
	case balance.PFSXBRL:
		const assets = `  <pfs:Assets decimals="INF" contextRef="CurrentInstant" unitRef="U-EUR">125000.5</pfs:Assets>` + "\n"
		return bytes.Replace(doc, []byte("</xbrli:xbrl>"), []byte(assets+"</xbrli:xbrl>"), 1), nil
	default:
		return doc, nil
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

// csvAround is what the Consult download has besides the social balance, in
// lines that may stand anywhere.
func csvAround(b *balance.Balance) []byte {
	lines := [][2]string{
		{"Reference number", referenceNumber(b)},
		{"Language", "nl"},
		{"Entity address street", "Sint-Verzonnenstraat"},
		{"Entity address number", "7"},
		{"Entity postal code", "9000"},
		{"Entity city", "Gent"},
		{"Entity country", "België"},
		{"Liquidation flag", "FALSE"},
		{"Correction flag", "FALSE"},
		{"Legal form", "Besloten vennootschap"},
	}
	var out bytes.Buffer
	for _, l := range append(lines, accountsFigures(b)...) {
		fmt.Fprintf(&out, "\"%s\",\"%s\"\n", l[0], l[1])
	}
	return out.Bytes()
}

// jsonAround adds what the web service's document has besides the social
// balance.
func jsonAround(doc []byte, b *balance.Balance) ([]byte, error) {
	type rubric struct{ Code, Value, Period string }
	type address struct{ Street, Number, City, Country string }
	var all struct {
		ReferenceNumber        string
		EnterpriseName         string
		Address                address
		LegalForm              string
		JointCommittees        []string
		Rubrics                []rubric
		Administrators         struct{}
		Shareholders           struct{}
		ParticipatingInterests []struct{}
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, err
	}
	all.ReferenceNumber, all.LegalForm, all.ParticipatingInterests = referenceNumber(b), "610", []struct{}{}
	all.Address = address{"Sint-Verzonnenstraat", "7", "pcd:m9000", "cty:mBE"}
	for _, f := range accountsFigures(b) {
		all.Rubrics = append(all.Rubrics, rubric{f[0], f[1], "N"})
	}
	return json.Marshal(all)
}

func referenceNumber(b *balance.Balance) string {
	tail := "00000000" + string(b.EnterpriseNumber)
	return fmt.Sprintf("%d-%s", b.FiscalYear.End.Year+1, tail[len(tail)-8:])
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
	return pdfOf(objects)
}

// pdfOf puts objects into a PDF, of which the first is the catalog.
func pdfOf(objects []string) []byte {
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
