package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"balansd/internal/typo"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// column says what a column of a list holds; the configuration has the same words.
type column string

const (
	colReference          column = "reference"
	colNumberOfEnterprise column = "enterprise_number"
	colName               column = "name"
	colNameNL             column = "name_nl"
	colNameFR             column = "name_fr"
	colNameDE             column = "name_de"
	colStreet             column = "street"
	colStreetNL           column = "street_nl"
	colStreetFR           column = "street_fr"
	colHouseNumber        column = "number"
	colBox                column = "box"
	colPostalCode         column = "postal_code"
	colCity               column = "city"
	colCityNL             column = "city_nl"
	colCityFR             column = "city_fr"
	colCountry            column = "country"
	colLegalForm          column = "legal_form"
	colGeneralMeeting     column = "general_meeting"
)

// knownHeads are the heads that are recognised by themselves, in Dutch, French, English
// and German, as plainHead writes them. The first of two columns with heads of one kind
// counts, and of the heads of a kind the earlier.
func knownHeads() []struct {
	column column
	heads  string
} {
	return []struct {
		column column
		heads  string
	}{
		{colNumberOfEnterprise, "ondernemingsnummer ondernemingsnr ondnr kbonummer kbonr kbo btwnummer btwnr btw numerodentreprise numentreprise noentreprise nodentreprise numdentreprise nentreprise bce numerobce nobce numerodetva numerotva notva ntva tva enterprisenumber companynumber vatnumber vat unternehmensnummer mwstnummer"},
		{colReference, "dossiernummer dossiernr dossiercode klantnummer klantnr klantcode relatienummer relatiecode referentie code numerodedossier numerodossier nodossier codedossier codeclient numeroclient numerodeclient noclient reference dossiernumber clientnumber clientcode customernumber id kundennummer mandantennummer"},
		{colNameNL, "naamnl benamingnl maatschappelijkenaamnl nomnl denominationnl"},
		{colNameFR, "naamfr benamingfr nomfr denominationfr denominationsocialefr"},
		{colNameDE, "naamde nomde namede bezeichnungde"},
		{colName, "maatschappelijkenaam maatschappelijkebenaming officielenaam firmanaam bedrijfsnaam benaming naam klantnaam klant denominationsociale denomination raisonsociale nomdelasociete nomdelentreprise nomdentreprise nom nomduclient nomclient client companyname name firmenname bezeichnung"},
		{colStreetNL, "straatnl adresnl ruenl"},
		{colStreetFR, "straatfr adresfr ruefr adressefr"},
		{colStreet, "straat straatnaam straatnaamhuisnummer straatennummer adres adreslijn1 adres1 maatschappelijkezetel rue nomdelarue adresse adresse1 rueetnumero street address addressline1 strasse"},
		{colHouseNumber, "huisnummer huisnr nummer nr numero no num housenumber number hausnummer"},
		{colBox, "bus busnummer busnr boite bte box boitepostale numerodeboite postbus"},
		{colPostalCode, "postcode postnummer postnr codepostal cp postalcode zip zipcode plz postleitzahl"},
		{colCityNL, "gemeentenl woonplaatsnl communenl localitenl"},
		{colCityFR, "gemeentefr woonplaatsfr communefr localitefr"},
		{colCity, "gemeente woonplaats plaats stad postcodegemeente postcodeengemeente commune localite ville codepostaletlocalite city town ort gemeinde stadt"},
		{colCountry, "land landcode pays codepays country countrycode"},
		{colLegalForm, "rechtsvorm juridischevorm vennootschapsvorm formejuridique formelegale legalform rechtsform"},
		{colGeneralMeeting, "algemenevergadering jaarvergadering datumalgemenevergadering datumav av assembleegenerale dateassembleegenerale dateag ag generalmeeting generalversammlung"},
	}
}

// columnNames lists what a column may hold.
func columnNames() []string {
	var names []string
	for _, k := range knownHeads() {
		names = append(names, string(k.column))
	}
	return names
}

// columnMistakes returns what is wrong with configured columns.
func columnMistakes(columns map[string]string) (all []Mistake) {
	used := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		setting, head := "columns."+name, plainHead(columns[name])
		switch {
		case !slices.Contains(columnNames(), name):
			right := "a column holds one of " + strings.Join(columnNames(), ", ")
			if best := typo.Nearest(name, columnNames()); best != "" {
				right = "did you mean " + best + "?"
			}
			all = append(all, Mistake{setting, "is nothing that a column can hold", right})
		case head == "":
			all = append(all, Mistake{setting, "has no head", "write the head as it stands above the column"})
		case used[head] != "":
			all = append(all, Mistake{setting, fmt.Sprintf("%q is the head of %s as well", columns[name], used[head]), "name each column once"})
		}
		used[head] = name
	}
	return all
}

// plainHead writes a head without case, accents, blanks and punctuation.
func plainHead(s string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn))), s)
	if err != nil {
		plain = s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'ß':
			return 's'
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.ReplaceAll(plain, "°", "o"))
}

// findHeads recognises a row of heads: those that the configuration names, all of which
// must be there, and those that are known. It returns nil where the row is none: one that
// has neither an enterprise number nor a reference, or no name and no number.
func findHeads(cells []string, configured map[string]string) map[column]int {
	at := map[string]int{}
	for i, c := range cells {
		if head := plainHead(c); head != "" {
			if _, again := at[head]; !again {
				at[head] = i
			}
		}
	}
	heads, taken := map[column]int{}, map[int]bool{}
	for name, head := range configured {
		i, ok := at[plainHead(head)]
		if !ok {
			return nil
		}
		heads[column(name)], taken[i] = i, true
	}
	for _, known := range knownHeads() {
		if _, ok := heads[known.column]; ok {
			continue
		}
		for head := range strings.FieldsSeq(known.heads) {
			if i, ok := at[head]; ok && !taken[i] {
				heads[known.column], taken[i] = i, true
				break
			}
		}
	}
	_, number := heads[colNumberOfEnterprise]
	_, reference := heads[colReference]
	named := slices.ContainsFunc([]column{colName, colNameNL, colNameFR, colNameDE}, func(c column) bool { _, ok := heads[c]; return ok })
	if len(heads) < 2 || !number && !(reference && named) {
		return nil
	}
	return heads
}
