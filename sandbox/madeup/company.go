package madeup

import (
	"fmt"
	"math/rand/v2"

	"balansd/balance"
)

// A Company is a made-up client of the accountant.
type Company struct {
	Name     string
	Number   balance.EnterpriseNumber
	Language string // nl or fr
}

// The words that company names are made of. Any likeness is chance.
var (
	trades = map[string][]string{
		"nl": {"Bakkerij", "Dakwerken", "Garage", "Drukkerij", "Kwekerij", "Schrijnwerkerij", "Slagerij",
			"Transport", "Tuinbouw", "Brouwerij", "Loodgieterij", "Optiek", "Apotheek", "Bouwbedrijf"},
		"fr": {"Boulangerie", "Toitures", "Garage", "Imprimerie", "Pépinières", "Menuiserie", "Boucherie",
			"Transports", "Maraîchers", "Brasserie", "Plomberie", "Optique", "Pharmacie", "Entreprise"},
	}
	families = map[string][]string{
		"nl": {"Van Hoolwegen", "De Meersche", "Wouterloo", "Klaasveldt", "Bruynseels-Dam", "Oosterzele",
			"Vanderkruyden", "Hellebosch", "Pauwelyck", "Tienenberg", "Schoonakker", "Verlindenhove"},
		"fr": {"Delcourtois", "Vallonnet", "Marchandelle", "Rochefontaine", "Lambertois", "Grandsart",
			"Noirpré", "Hautecour-Dulac", "Pirotelle", "Beauvallon", "Thirionelle", "Saintonge-Ferme"},
	}
	forms = map[string][]string{"nl": {"BV", "NV", "CV"}, "fr": {"SRL", "SA", "SC"}}
)

// CompanyOf returns the same company for the same seed. Seeds from 0 to
// 999,999 have different enterprise numbers.
func CompanyOf(seed int64) Company {
	rng := rand.New(rand.NewPCG(uint64(seed), 0x5eed))
	lang := []string{"nl", "fr"}[rng.IntN(2)]
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	return Company{
		Name:     pick(trades[lang]) + " " + pick(families[lang]) + " " + pick(forms[lang]),
		Number:   Number(seed),
		Language: lang,
	}
}

// Number returns an enterprise number with right check digits, in a range
// that the Crossroads Bank for Enterprises has not handed out.
func Number(seed int64) balance.EnterpriseNumber {
	n := (seed%1_000_000 + 1_000_000) % 1_000_000
	head := 9_000_000 + n
	return balance.EnterpriseNumber(fmt.Sprintf("0%07d%02d", head, 97-head%97))
}

// Workflow is the name that made-up companies give to their annual-accounts
// workflow, by language.
func Workflow(language string) string {
	if language == "fr" {
		return "Comptes annuels"
	}
	return "Jaarrekening"
}
