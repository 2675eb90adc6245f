package daemon

import (
	"testing"

	"balansd/balance"
)

func TestSuggest(t *testing.T) {
	const number, another = balance.EnterpriseNumber("0443246943"), balance.EnterpriseNumber("0454352156")
	for name, c := range map[string]struct {
		dossier, company clientTraits
		want             Suggestion // zero for none
	}{
		"the same number, whatever the names": {
			traitsOf("Bakkerij Peeters", "", number), traitsOf("Dakwerken Vermeulen", "", number), Suggestion{SameNumber, 100}},
		"one of several numbers": {
			traitsOf("", "", number), traitsOf("", "", "", another, number), Suggestion{SameNumber, 100}},
		"two valid numbers are two clients, with one name too": {
			traitsOf("Bakkerij Peeters", "", number), traitsOf("Bakkerij Peeters", "", another), Suggestion{}},
		"two digits swapped": {
			traitsOf("Bakkerij Peeters", "", number), traitsOf("Bakkerij Peeters BV", "BE 0443.246.934"), Suggestion{NumberSlip, 92}},
		"a wrong digit, and another name": {
			traitsOf("Bakkerij Peeters", "", number), traitsOf("Holding Zuid", "0443.246.944"), Suggestion{NumberSlip, 65}},
		"a digit too few":      {traitsOf("", "", number), traitsOf("", "044324694"), Suggestion{NumberSlip, 65}},
		"a digit too many":     {traitsOf("", "", number), traitsOf("", "04432469433"), Suggestion{NumberSlip, 65}},
		"the letter O for a 0": {traitsOf("", "", number), traitsOf("", "BE O443.246.943"), Suggestion{NumberSlip, 65}},
		"l for 1, S for 5":     {traitsOf("", "", "0454352156"), traitsOf("", "04S43S2l56"), Suggestion{NumberSlip, 65}},
		"the slip is in the folder's name": {
			traitsOf("0443246934", "0443246934"), traitsOf("Bakkerij Peeters", "", number), Suggestion{NumberSlip, 65}},
		"two slips are no slip":    {traitsOf("", "", number), traitsOf("", "0443.264.934"), Suggestion{}},
		"a telephone number":       {traitsOf("", "", number), traitsOf("", "+32 9 123 45 67"), Suggestion{}},
		"the same name":            {traitsOf("Bakkerij Peeters BV", ""), traitsOf("BAKKERIJ PEETERS", "", number), Suggestion{SimilarName, 90}},
		"words in another order":   {traitsOf("Peeters, Bakkerij", ""), traitsOf("Bakkerij Peeters", "", number), Suggestion{SimilarName, 90}},
		"accents and a legal form": {traitsOf("Crédit Général S.A.", ""), traitsOf("Credit General", ""), Suggestion{SimilarName, 90}},
		"a slip in the name":       {traitsOf("Bakkerij Pieters", ""), traitsOf("Bakkerij Peeters", "", number), Suggestion{SimilarName, 84}},
		"a longer name":            {traitsOf("Bakkerij Peeters", ""), traitsOf("Bakkerij Peeters Gent", "", number), Suggestion{SimilarName, 68}},
		"another name":             {traitsOf("Bakkerij Peeters", ""), traitsOf("Dakwerken Vermeulen", "", number), Suggestion{}},
		"no name":                  {traitsOf("", ""), traitsOf("", ""), Suggestion{}},
		"names of legal forms":     {traitsOf("A & B BV", ""), traitsOf("C & D NV", ""), Suggestion{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, way := range [][2]clientTraits{{c.dossier, c.company}, {c.company, c.dossier}} {
				if got, ok := suggest(way[0], way[1]); got != c.want || ok != (c.want != Suggestion{}) {
					t.Errorf("%+v, %v; want %+v", got, ok, c.want)
				}
			}
		})
	}
}
