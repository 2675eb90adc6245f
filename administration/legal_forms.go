package administration

import (
	"slices"
	"strings"
)

// legalForms lists legal forms in the spellings of the three languages, folded. The first
// one of each stands for it.
var legalForms = [][]string{
	{"nv", "sa", "ag", "naamloze vennootschap", "societe anonyme", "aktiengesellschaft"},
	{"bv", "srl", "gmbh", "besloten vennootschap", "societe a responsabilite limitee", "gesellschaft mit beschrankter haftung"},
	{"bvba", "sprl", "besloten vennootschap met beperkte aansprakelijkheid", "societe privee a responsabilite limitee"},
	{"ebvba", "sprlu"},
	{"cv", "sc", "cooperatieve vennootschap", "societe cooperative", "genossenschaft"},
	{"cvba", "scrl", "cooperatieve vennootschap met beperkte aansprakelijkheid", "societe cooperative a responsabilite limitee"},
	{"vof", "snc", "vennootschap onder firma", "societe en nom collectif", "offene handelsgesellschaft"},
	{"commv", "comm v", "scomm", "scs", "gcv", "gewone commanditaire vennootschap", "commanditaire vennootschap", "societe en commandite", "societe en commandite simple"},
	{"cva", "comm va", "sca", "commanditaire vennootschap op aandelen", "societe en commandite par actions"},
	{"vzw", "asbl", "vog", "vereniging zonder winstoogmerk", "association sans but lucratif", "vereinigung ohne gewinnerzielungsabsicht"},
	{"ivzw", "aisbl", "internationale vereniging zonder winstoogmerk", "association internationale sans but lucratif"},
	{"maatschap", "societe simple", "burgerlijke maatschap"},
	{"se", "europese vennootschap", "societe europeenne"},
	{"private stichting", "fondation privee", "privatstiftung"},
	{"stichting van openbaar nut", "fondation d utilite publique"},
}

// foldLegalForm folds a legal form: société anonyme is nv.
func foldLegalForm(s string) string {
	s = fold(s)
	for _, spellings := range legalForms {
		if slices.Contains(spellings, s) {
			return spellings[0]
		}
	}
	return s
}

// splitLegalForm takes the legal form out of a folded name, where it begins or ends with
// one. Nothing is taken from a name that is nothing else.
func splitLegalForm(name string) (rest, form string) {
	for _, spellings := range legalForms {
		for _, s := range spellings {
			if left, ok := strings.CutSuffix(name, " "+s); ok && left != "" {
				return left, spellings[0]
			}
			if right, ok := strings.CutPrefix(name, s+" "); ok && right != "" && slices.Contains(leadingForms(), s) {
				return right, spellings[0]
			}
		}
	}
	return name, ""
}

// leadingForms lists the legal forms that stand before a name as well: ASBL Les Amis.
func leadingForms() []string { return []string{"nv", "sa", "bv", "srl", "bvba", "sprl", "vzw", "asbl"} }
