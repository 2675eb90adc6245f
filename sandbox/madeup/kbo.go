package madeup

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"balansd/balance"
)

// KBO is a made-up extract of the open data of the Crossroads Bank for Enterprises. Its
// members, columns and date formats are those that the KBO documents.
type KBO struct {
	Extract     int
	Date        time.Time
	Enterprises []KBOEnterprise
	Deleted     []balance.EnterpriseNumber // of an update: those that were stopped
	// Others is how many other enterprises stand around them, each with the rows that an
	// average one has.
	Others int
}

// KBOEnterprise is an enterprise in a made-up extract.
type KBOEnterprise struct {
	Number                       balance.EnterpriseNumber
	NameNL, NameFR               string // official names; none where both are empty
	Form                         string // code of the legal form: 014, 610, 612
	StreetNL, StreetFR           string // of the seat; none for a natural person
	HouseNumber, Box, PostalCode string
	CityNL, CityFR               string
}

// FileName is the name by which the KBO publishes the extract.
func (k KBO) FileName(full bool) string {
	kind := "Update"
	if full {
		kind = "Full"
	}
	return fmt.Sprintf("KboOpenData_%04d_%s_%s.zip", k.Extract, k.Date.Format("2006_01_02"), kind)
}

// The columns of the tables that are filled.
const (
	kboEnterprise   = "EnterpriseNumber,Status,JuridicalSituation,TypeOfEnterprise,JuridicalForm,JuridicalFormCAC,StartDate"
	kboDenomination = "EntityNumber,Language,TypeOfDenomination,Denomination"
	kboAddress      = "EntityNumber,TypeOfAddress,CountryNL,CountryFR,Zipcode,MunicipalityNL,MunicipalityFR,StreetNL,StreetFR,HouseNumber,Box,ExtraAddressInfo,DateStrikingOff"
	kboCode         = "Category,Code,Language,Description"
)

// Write writes the extract as a ZIP: a full one, or an update of those before.
func (k KBO) Write(w io.Writer, full bool) error {
	z := zip.NewWriter(w)
	kind, suffix := "update", "_insert"
	if full {
		kind, suffix = "full", ""
	}
	meta := [][]string{{"SnapshotDate", k.Date.Format("02-01-2006")}, {"ExtractTimestamp", k.Date.Format("02-01-2006 15:04:05")},
		{"ExtractType", kind}, {"ExtractNumber", fmt.Sprint(k.Extract)}, {"Version", "1.0.0"}}
	tables := []kboTable{
		{"meta", "Variable,Value", func(row func(...string)) {
			for _, m := range meta {
				row(m...)
			}
		}},
		{"code", kboCode, k.codes},
	}
	if !full {
		for _, t := range []struct{ name, column string }{{"enterprise", "EnterpriseNumber"}, {"denomination", "EntityNumber"}, {"address", "EntityNumber"}} {
			tables = append(tables, kboTable{t.name + "_delete", t.column, k.deleted})
		}
	}
	tables = append(tables, kboTable{"enterprise" + suffix, kboEnterprise, k.enterprises},
		kboTable{"denomination" + suffix, kboDenomination, k.denominations}, kboTable{"address" + suffix, kboAddress, k.addresses})
	for _, t := range tables {
		member, err := z.CreateHeader(&zip.FileHeader{Name: t.name + ".csv", Method: zip.Deflate, Modified: k.Date})
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(member, 64<<10)
		_, err = out.WriteString(quotedRow(strings.Split(t.columns, ",")))
		t.rows(func(cells ...string) {
			if err == nil {
				_, err = out.WriteString(quotedRow(cells))
			}
		})
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// kboTable is a member of the ZIP.
type kboTable struct {
	name, columns string
	rows          func(row func(cells ...string))
}

func quotedRow(cells []string) string {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.ReplaceAll(c, `"`, `""`) + `"`)
	}
	b.WriteByte('\n')
	return b.String()
}

func (k KBO) codes(row func(...string)) {
	for code, names := range map[string][2]string{"014": {"Naamloze vennootschap", "Société anonyme"}, "610": {"Besloten Vennootschap", "Société à responsabilité limitée"}, "612": {"Coöperatieve vennootschap", "Société coopérative"}} {
		row("JuridicalForm", code, "NL", names[0])
		row("JuridicalForm", code, "FR", names[1])
	}
}

// deleted has the numbers of which an update has the rows anew, and those that are gone.
func (k KBO) deleted(row func(...string)) {
	for _, e := range k.Enterprises {
		row(e.Number.Pretty())
	}
	for _, n := range k.Deleted {
		row(n.Pretty())
	}
}

// each calls do for the enterprises, the others around them.
func (k KBO) each(do func(e KBOEnterprise)) {
	for i, e := range k.Enterprises {
		k.others(k.Others*i/len(k.Enterprises), k.Others*(i+1)/len(k.Enterprises), do)
		do(e)
	}
	if len(k.Enterprises) == 0 {
		k.others(0, k.Others, do)
	}
}

// others are enterprises with numbers that Number does not give.
func (k KBO) others(from, to int, do func(e KBOEnterprise)) {
	for i := from; i < to; i++ {
		head := 2_000_000 + i
		do(KBOEnterprise{Number: balance.EnterpriseNumber(fmt.Sprintf("0%07d%02d", head, 97-head%97)), NameNL: fmt.Sprintf("Onderneming nummer %d te Zandbank", i),
			Form: "610", StreetNL: "Lange Verzonnen Dorpsstraat", StreetFR: "Longue Rue du Village Inventé", HouseNumber: fmt.Sprint(i%300 + 1),
			PostalCode: "9999", CityNL: "Zandbank", CityFR: "Banc-de-Sable"})
	}
}

func (k KBO) enterprises(row func(...string)) {
	k.each(func(e KBOEnterprise) {
		kind := "2"
		if e.StreetNL+e.StreetFR == "" {
			kind = "1"
		}
		row(e.Number.Pretty(), "AC", "000", kind, e.Form, "", "01-02-2010")
	})
}

func (k KBO) denominations(row func(...string)) {
	k.each(func(e KBOEnterprise) {
		for language, name := range map[string]string{"2": e.NameNL, "1": e.NameFR} {
			if name != "" {
				row(e.Number.Pretty(), language, "001", name)
			}
		}
		row(e.Number.Pretty(), "2", "003", "Handelsnaam van "+e.NameNL)
		row("2."+string(e.Number)[1:4]+"."+string(e.Number)[4:7]+"."+string(e.Number)[7:], "2", "003", "Vestiging") // an establishment
	})
}

func (k KBO) addresses(row func(...string)) {
	k.each(func(e KBOEnterprise) {
		if e.StreetNL+e.StreetFR != "" {
			row(e.Number.Pretty(), "REGO", "", "", e.PostalCode, e.CityNL, e.CityFR, e.StreetNL, e.StreetFR, e.HouseNumber, e.Box, "", "")
		}
		row("2."+string(e.Number)[1:4]+"."+string(e.Number)[4:7]+"."+string(e.Number)[7:], "BAET", "", "", "9999", "Zandbank", "Banc-de-Sable", "Vestigingsstraat", "Rue", "1", "", "", "")
	})
}
