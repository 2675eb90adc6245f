package balance_test

import (
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

func TestCheckFiled(t *testing.T) {
	for name, c := range map[string]struct {
		now, filed cells
		want       []string
	}{
		"equal": {cells{"1003P": "2.5", "1013P": "4000", "1023P": "150000.5"}, cells{"1003": "2.5", "1013": "4000", "1023": "150000.50"}, nil},
		"others": {cells{"1003P": "2.5", "1013P": "4000", "1023P": "150000.5"}, cells{"1003": "3", "1013": "4000", "1023": "150002"}, []string{
			"filed_figure: Average number of employees, total in full-time equivalents, previous year (1003P) is 2.5, but the annual accounts that were filed for that year with the National Bank have 3.",
			"filed_amount: Personnel costs, total, previous year (1023P) is 150,000.50, but the annual accounts that were filed for that year with the National Bank have 150,002."}},
		"nothing of the year before": {cells{"1003": "2.5", "1013": "4000"}, cells{"1003": "3", "1013": "4000"}, nil},
		"empty is zero": {cells{"1003P": "2.5", "1023P": "0"}, cells{"1003": "2.5", "1013": "4000"}, []string{
			"filed_figure: Number of hours actually worked, total, previous year (1013P) is 0 (empty), but the annual accounts that were filed for that year with the National Bank have 4,000."}},
		"filed in whole euros":  {cells{"1003P": "1", "1023P": "150000.5"}, cells{"1003": "1", "1023": "150001"}, nil},
		"stated in whole euros": {cells{"1003P": "1", "1023P": "150001"}, cells{"1003": "1", "1023": "150000.5"}, nil},
		"hours are not rounded": {cells{"1003P": "1", "1013P": "1700"}, cells{"1003": "1", "1013": "1700.4"}, []string{
			"filed_figure: Number of hours actually worked, total, previous year (1013P) is 1,700, but the annual accounts that were filed for that year with the National Bank have 1,700.4."}},
		"filed in a shorter model": {cells{"1003P": "2", "10031P": "1", "10032P": "1", "1033P": "12"}, cells{"1003": "2"}, nil},
		"both in the full model": {cells{"1003P": "2", "10031P": "1"}, cells{"1003": "2", "10031": "2"}, []string{
			"filed_figure: Average number of employees, total in full-time equivalents, men, previous year (10031P) is 1, but the annual accounts that were filed for that year with the National Bank have 2."}},
		"the year before that": {cells{"1003P": "2"}, cells{"1003": "2", "1003P": "7"}, nil},
	} {
		now, filed := c.now.balance(t, balance.Full), c.filed.balance(t, balance.Full)
		var got []string
		for _, f := range balance.CheckFiled(now.Values, balance.FiledFigures(filed)) {
			if !f.OfFiled() || f.IsRemark() || len(f.Codes) != 1 {
				t.Errorf("%s: %+v", name, f)
			}
			got = append(got, f.Rule+": "+f.In(balance.English))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, f := range balance.Check(oneClerk(cells{"1003P": "2"}).balance(t, balance.Micro)) {
		if f.OfFiled() {
			t.Errorf("a check of the balance alone is told as %+v", f)
		}
	}
}

func TestFiledFindingsInEachLanguage(t *testing.T) {
	f := balance.CheckFiled(cells{"1003P": "2.5"}.balance(t, balance.Micro).Values, cells{"1003": "3"}.balance(t, balance.Micro).Values)[0]
	for l, want := range map[balance.Lang]string{
		balance.Dutch:  "Gemiddeld aantal werknemers, totaal in voltijdse equivalenten, vorig boekjaar (1003P) is 2,5, maar de jaarrekening die voor dat jaar bij de Nationale Bank is neergelegd, vermeldt 3.",
		balance.German: "Durchschnittliche Anzahl der Arbeitnehmer, Summe in Vollzeitäquivalenten, Vorjahr (1003P) ist 2,5, aber der für jenes Jahr bei der Nationalbank hinterlegte Jahresabschluss nennt 3.",
	} {
		if got := f.In(l); got != want {
			t.Errorf("%s: %q", l, got)
		}
	}
}
