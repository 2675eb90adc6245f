package balance_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
)

func TestReadFindings(t *testing.T) {
	csv, pfs := document(t, "csv-m02-full.csv"), document(t, "pfs-2020-full-company.xbrl")
	cbso, js := document(t, "cbso-25.0-m01-abbreviated.xbrl"), document(t, "json-full.json")
	full := document(t, "cbso-25.0-m82-full.xbrl")
	average := "AverageNumberEmployeesPersonnelRegisterTotalFullTimeEquivalents"
	seen := map[string]balance.Finding{}
	for name, c := range map[string]struct {
		document, rule, message string
		number                  balance.EnterpriseNumber
	}{
		"twice in CSV":          {csv + `"1003","16"` + "\n", "twice", "1003 is stated again as 16 instead of 13.5; neither of them is used", "0801000165"},
		"twice in pfs":          {strings.Replace(pfs, "</xbrli:xbrl>", `<pfs:`+average+` contextRef="CurrentDuration" unitRef="U">99</pfs:`+average+`></xbrli:xbrl>`, 1), "twice", "1003 is stated again as 99", "0402000167"},
		"no such cell":          {csv + `"1001P","16"` + "\n", "no_such_cell", "rubric 1001 has no previous-year cell", "0801000165"},
		"check digits":          {strings.Replace(csv, "0801000165", "0801000166", 1), "enterprise_number_check", "check digits", ""},
		"check digits, XBRL":    {strings.ReplaceAll(pfs, "BE0402000167", "BE0402000168"), "enterprise_number_check", "check digits", ""},
		"two enterprises":       {strings.Replace(pfs, "BE0402000167", "BE0443246943", 1), "other_entity", "mostly about 0402000167, but also about 0443246943", "0402000167"},
		"two numbers":           {strings.Replace(cbso, ">0701000093</met:str2>", ">0443246943</met:str2>", 1), "two_enterprises", "0701.000.093 and 0443.246.943", "0701000093"},
		"PDF, two amounts":      {changedForm(t, instead("1021", "4.711"), printedAgain), "pdf_doubt", "Page 3: 1021 can be 4,711 or 4,712; neither of them is used.", "0801002244"},
		"PDF, between columns":  {changedForm(t, instead("1021", "4.711"), betweenColumns), "pdf_column", "Page 3: 4,711 stands between two columns and can be 1021; it is not used.", "0801002244"},
		"model":                 {strings.Replace(csv, "m02-f", "m90-f", 1), "model", "m90-f", "0801000165"},
		"date":                  {strings.Replace(csv, "2024-12-31", "2024-02-30", 1), "fiscal_year_end", "last day", "0801000165"},
		"year the wrong way":    {strings.Replace(csv, "2024-12-31", "2023-12-31", 1), "fiscal_year_reversed", "before it starts", "0801000165"},
		"unexplained":           {strings.ReplaceAll(cbso, "gdr:m1<", "gdr:m9<"), "unexplained_fact", "dec1 of the social balance with bas:m73, gdr:m9, part:m8, typ:m16, wkr:m1, wrg:m1, prd:m1", "0701000093"},
		"foreign dimension":     {strings.ReplaceAll(cbso, "cbso/dict/dom/gdr", "cbso/dict/dom/other"), "unexplained_fact", "{http://www.nbb.be/be/fr/cbso/dict/dim}gdr=", "0701000093"},
		"no context":            {strings.ReplaceAll(pfs, `id="CurrentInstant"`, `id="Current"`), "context_missing", "a context that is not there", "0402000167"},
		"other period":          {strings.Replace(pfs, "<xbrli:instant>2020-12-31", "<xbrli:instant>2018-12-31", 1), "context_period", "neither the year nor the year before", "0402000167"},
		"unit":                  {strings.ReplaceAll(pfs, `unitRef="U"`, `unitRef="E"`), "unit_money", "is a number, but is stated in EUR", "0402000167"},
		"no currency":           {strings.ReplaceAll(pfs, `unitRef="E"`, `unitRef="U"`), "unit_no_money", "without a currency", "0402000167"},
		"odd period in JSON":    {strings.Replace(js, `"Period": "NM1"`+"\n  },\n  {\n   \"Code\": \"10031\"", `"Period": "NM2"`+"\n  },\n  {\n   \"Code\": \"10031\"", 1), "period", "NM2", ""},
		"rounded":               {strings.Replace(pfs, `decimals="INF"`, `decimals="-3"`, 2), "rounded", "1001 is 11, but the document calls that figure exact only to the nearest 1,000", "0402000167"},
		"precision":             {strings.Replace(pfs, `TotalMen decimals="INF" contextRef="PrecedingDuration" unitRef="E">23379.25`, `TotalMen precision="3" contextRef="PrecedingDuration" unitRef="E">23379.25`, 1), "rounded", "10231P is 23,379.25, but the document calls that figure exact only to the nearest 100.", "0402000167"},
		"too exact":             {strings.ReplaceAll(pfs, `decimals="INF"`, `decimals="0"`), "rounded", "1003 is 13.5, but the document calls that figure exact only to the nearest 1.", "0402000167"},
		"no such unit":          {strings.Replace(pfs, `unitRef="U"`, `unitRef="V"`, 1), "unit_unknown", "1001 refers to a unit that is not there", "0402000167"},
		"shares":                {strings.Replace(pfs, "xbrli:pure", "xbrli:shares", 1), "unit_other", "no plain number, shares", "0402000167"},
		"ratio":                 {strings.Replace(pfs, "<xbrli:measure>xbrli:pure</xbrli:measure>", "<xbrli:divide><xbrli:unitNumerator><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unitNumerator><xbrli:unitDenominator><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unitDenominator></xbrli:divide>", 1), "unit_other", "no plain number, ?", "0402000167"},
		"dollars":               {strings.Replace(pfs, "iso4217:EUR", "iso4217:USD", 1), "currency", "stated in USD, not in euro", "0402000167"},
		"dollars in CSV":        {strings.Replace(csv, `"EUR"`, `"USD"`, 1), "currency", "stated in USD, not in euro", "0801000165"},
		"two currencies":        {strings.Replace(strings.Replace(pfs, "<xbrli:unit ", `<xbrli:unit id="D"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit><xbrli:unit `, 1), `"PrecedingDuration" unitRef="E"`, `"PrecedingDuration" unitRef="D"`, 1), "currency_mixed", "1023P is stated in USD, other amounts in EUR", "0402000167"},
		"inferred":              {full, "inferred", "6 figures were read by dimensions that are inferred", "0701007716"},
		"no CBSO context":       {strings.Replace(cbso, `contextRef="c11"`, `contextRef="gone"`, 1), "fact_without_context", "dec1 refers to a context that is not there", "0701000093"},
		"names no context":      {strings.Replace(cbso, ` contextRef="c11"`, ``, 1), "fact_without_context", "dec1 refers to a context that is not there", "0701000093"},
		"names no context, pfs": {strings.Replace(pfs, `TotalFullTime decimals="INF" contextRef="CurrentDuration"`, `TotalFullTime decimals="INF"`, 1), "context_missing", "rubric 1001 refers to a context that is not there", "0402000167"},
		"a date that is none":   {dated(cbso, "30/9/2024"), "context_period", "rubric 1003 is stated here for a period that is neither", "0701000093"},
		"other metric":          {strings.Replace(cbso, "</xbrl>", `<o:hours xmlns:o="urn:other" contextRef="c11">1</o:hours></xbrl>`, 1), "unexplained_fact", "the fact {urn:other}hours of the social balance with bas:m73", "0701000093"},
		"other enumeration":     {strings.Replace(cbso, "</xbrl>", `<o:list9 xmlns:o="http://www.nbb.be/be/fr/cbso/25.0/enum/x-enum" contextRef="c11">1</o:list9></xbrl>`, 1), "unexplained_fact", "the fact x-enum:list9", "0701000093"},
		"a part":                {strings.ReplaceAll(pfs, "</xbrli:entity><xbrli:period><xbrli:instant>", `<xbrli:segment><o:b xmlns:o="urn:o"/></xbrli:segment></xbrli:entity><xbrli:period><xbrli:instant>`), "context_part", "for a part of the entity only", "0402000167"},
		"form of a number":      {strings.Replace(csv, "0801000165", "81", 1), "enterprise_number_form", "number 81 is not used: it does not have ten digits", ""},
		"damaged number":        {strings.Replace(csv, `"0801000165"`, `"8,01E+08"`, 1), "enterprise_number_damaged", "a spreadsheet made it 8,01E+08", ""},
		"two readings":          {strings.Replace(csv, `"2051","3"`, `"2051","1.234"`, 1), "two_readings", "can be 1.234 or 1,234", "0801000165"},
		"first day":             {strings.Replace(csv, "2024-01-01", "1/1/24 ?", 1), "fiscal_year_start", "1/1/24 ? is not a date", "0801000165"},
		"two ends":              {strings.ReplaceAll(cbso, ">2024-09-30</met:dte1>", ">2024-12-31</met:dte1>"), "fiscal_year_differs", "ends on 2024-12-31 by the document, but the social balance is closed on 2024-09-30", "0701000093"},
		"a third year":          {thirdYear(cbso), "context_period", "rubric 1003 is stated here for a period that is neither", "0701000093"},
		"no model":              {strings.Replace(pfs, "pfs-full-2020", "pfs-2020", 1), "model_unsaid", "does not tell the model", "0402000167"},
		"joint committee":       {strings.Replace(js, `"JointCommittees": [`, `"JointCommittees": [{"Name": "x"}, `, 1), "joint_committee", "a joint committee without a number", ""},
		"very many":             {csv + strings.Repeat(`"1001P","16"`+"\n", 1000), "more", "more findings about the document are left out", "0801000165"},
		"negative head count":   {strings.Replace(csv, `"1501","1.5"`, `"1501","-1.5"`, 1), "sign", "(1501) is -1.5", "0801000165"},
		"a table":               {asCSVText(bureau()...), "table_read", "Read as a table: 6 codes on CSV. Not understood and left out: verschil", "0443246943"},
		"the bureau too":        {asCSVText(append([][]any{{"Dossier", "0443.246.943"}, {"Bureau", "0402.754.886"}}, bureau()[6:]...)...), "several_numbers", "0402.754.886, 0443.246.943", ""},
		"a year alone":          {asCSVText(append([][]any{{"Boekjaar 2024"}}, bureau()[6:]...)...), "year_alone", "the year 2024 alone", ""},
		"row or rubric":         {asCSVText(under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Totaal"}, []any{"1201", "secundair", 1.5}, []any{"1211", "secundair", 2.5})...), "line_column", "Line 5: 1.5 can be 1201 or another figure", "0443246943"},
		"row or rubric, sheet":  {string(sheet(t, under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Totaal"}, []any{"1201", "secundair", 1.5}, []any{"1211", "secundair", 2.5})...)), "sheet_column", "Sheet Blad1, cell C5: 1.5 can be 1201 or another figure", "0443246943"},
		"two on a sheet":        {string(sheet(t, under([]any{"Code", "Omschrijving", "Boekjaar"}, []any{"1003", "VTE", 1.5}, []any{"1003", "VTE", 2.5}, []any{"1023", "", 1.5})...)), "sheet_doubt", "Sheet Blad1, cell C4: 1003 can be 1.5 or 2.5", "0443246943"},
		"too many decimals":     {strings.Replace(csv, `"1501","1.5"`, `"1501","1.55"`, 1), "decimals", "(1501) is 1.55", "0801000165"},
	} {
		t.Run(name, func(t *testing.T) {
			if slices.Contains([]string{csv, pfs, cbso, js}, c.document) {
				t.Fatal("the document did not change")
			}
			b := mustRead(t, []byte(c.document))
			if b.EnterpriseNumber != c.number {
				t.Errorf("enterprise number %q, want %q", b.EnterpriseNumber, c.number)
			}
			for _, f := range b.Findings {
				seen[f.Rule] = f
			}
			for _, f := range b.Findings {
				if f.Rule == c.rule && strings.Contains(f.Message, c.message) {
					return
				}
			}
			t.Errorf("no finding %s with %q in %v", c.rule, c.message, b.Findings)
		})
	}
	for _, rule := range readRules(t) {
		f, ok := seen[rule]
		if !ok {
			t.Errorf("no document shows the rule %s", rule)
			continue
		}
		told := map[string]bool{}
		for _, l := range balance.Languages() {
			sentence := f.In(l)
			told[sentence] = true
			if strings.ContainsAny(sentence[:1], "{ ") || strings.Contains(sentence, "{"+"line") || strings.HasSuffix(sentence, " ") {
				t.Errorf("%s in %s: %q", rule, l, sentence)
			}
		}
		if len(told) != 4 {
			t.Errorf("%s is not told in four languages: %v", rule, told)
		}
	}
}

// readRules lists the rules that the readers have a sentence for.
func readRules(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("findings_read.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for line := range strings.Lines(string(data)) {
		if rule, _, ok := strings.Cut(line, "\t"); ok && rule != "rule" && rule[0] != '#' {
			rules = append(rules, rule)
		}
	}
	return rules
}

// thirdYear dates one context of a document three years earlier.
func thirdYear(doc string) string { return dated(doc, "2021-09-30") }

// dated gives one context of a document another date.
func dated(doc, date string) string {
	before, after, _ := strings.Cut(doc, `id="c11"`)
	return before + `id="c11"` + strings.Replace(after, "2024-09-30", date, 1)
}
