package cli

import "balansd/balance"

// words are the words around the figures of a balance, in one language.
type words struct {
	name, number, model, year, currency, committees, layout string
	correction, yes                                         string
	code, rubric, current, previous                         string
	models                                                  map[balance.Model]string
	none, findings, noFindings                              string
	inferred                                                string // below figures marked with an asterisk
	file, figures, unreadable, withoutBalance               string // of a list of files
	before, after, difference, same, changed                string // of a comparison; changed counts
	newFindings, goneFindings                               string
}

// wordsOf holds the words by language. It is never changed.
var wordsOf = map[balance.Lang]words{
	balance.Dutch: {
		name: "Naam", number: "Ondernemingsnummer", model: "Model", year: "Boekjaar", currency: "Munt",
		committees: "Paritaire comités", layout: "Formaat", correction: "Verbeterende neerlegging", yes: "ja",
		code: "Code", rubric: "Rubriek", current: "Boekjaar", previous: "Vorig boekjaar",
		models: map[balance.Model]string{balance.Full: "volledig", balance.Abbreviated: "verkort", balance.Micro: "micro"},
		none:   "Dit bestand bevat geen sociale balans.", findings: "Opmerkingen", noFindings: "Geen opmerkingen.",
		inferred: "* Waar dit cijfer in de CBSO-taxonomie staat, is afgeleid en niet in een neerlegging gezien.",
		file:     "Bestand", figures: "Cijfers", unreadable: "onleesbaar", withoutBalance: "geen sociale balans",
		before: "Voordien", after: "Nu", difference: "Verschil", same: "De cijfers zijn dezelfde.", changed: "Gewijzigde cijfers: %d",
		newFindings: "Nieuwe opmerkingen", goneFindings: "Weggevallen opmerkingen",
	},
	balance.French: {
		name: "Nom", number: "Numéro d'entreprise", model: "Modèle", year: "Exercice", currency: "Devise",
		committees: "Commissions paritaires", layout: "Format", correction: "Dépôt rectificatif", yes: "oui",
		code: "Code", rubric: "Rubrique", current: "Exercice", previous: "Exercice précédent",
		models: map[balance.Model]string{balance.Full: "complet", balance.Abbreviated: "abrégé", balance.Micro: "micro"},
		none:   "Ce fichier ne contient pas de bilan social.", findings: "Remarques", noFindings: "Aucune remarque.",
		inferred: "* La place de ce chiffre dans la taxonomie CBSO est déduite et n'a pas été vue dans un dépôt.",
		file:     "Fichier", figures: "Chiffres", unreadable: "illisible", withoutBalance: "pas de bilan social",
		before: "Avant", after: "Maintenant", difference: "Différence", same: "Les chiffres sont identiques.", changed: "Chiffres modifiés : %d",
		newFindings: "Nouvelles remarques", goneFindings: "Remarques disparues",
	},
	balance.English: {
		name: "Name", number: "Enterprise number", model: "Model", year: "Financial year", currency: "Currency",
		committees: "Joint committees", layout: "Layout", correction: "Corrected filing", yes: "yes",
		code: "Code", rubric: "Rubric", current: "Year", previous: "Previous year",
		models: map[balance.Model]string{balance.Full: "full", balance.Abbreviated: "abbreviated", balance.Micro: "micro"},
		none:   "This file holds no social balance.", findings: "Findings", noFindings: "No findings.",
		inferred: "* Where this figure stands in the CBSO taxonomy is inferred, and was not seen in a filing.",
		file:     "File", figures: "Figures", unreadable: "unreadable", withoutBalance: "no social balance",
		before: "Before", after: "Now", difference: "Difference", same: "The figures are the same.", changed: "Figures changed: %d",
		newFindings: "New findings", goneFindings: "Findings that are gone",
	},
	balance.German: {
		name: "Name", number: "Unternehmensnummer", model: "Modell", year: "Geschäftsjahr", currency: "Währung",
		committees: "Paritätische Kommissionen", layout: "Format", correction: "Berichtigte Hinterlegung", yes: "ja",
		code: "Code", rubric: "Rubrik", current: "Geschäftsjahr", previous: "Vorjahr",
		models: map[balance.Model]string{balance.Full: "vollständig", balance.Abbreviated: "verkürzt", balance.Micro: "Mikro"},
		none:   "Diese Datei enthält keine Sozialbilanz.", findings: "Bemerkungen", noFindings: "Keine Bemerkungen.",
		inferred: "* Wo diese Zahl in der CBSO-Taxonomie steht, ist abgeleitet und wurde in keiner Hinterlegung gesehen.",
		file:     "Datei", figures: "Zahlen", unreadable: "nicht lesbar", withoutBalance: "keine Sozialbilanz",
		before: "Vorher", after: "Jetzt", difference: "Unterschied", same: "Die Zahlen sind gleich.", changed: "Geänderte Zahlen: %d",
		newFindings: "Neue Bemerkungen", goneFindings: "Weggefallene Bemerkungen",
	},
}
