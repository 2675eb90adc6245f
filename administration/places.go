package administration

import "strings"

// placeNames are municipalities with a name in each of two languages, folded.
var placeNames = map[string]string{
	"bruxelles": "brussel", "brussels": "brussel", "anvers": "antwerpen", "antwerp": "antwerpen", "gand": "gent", "ghent": "gent", "bruges": "brugge",
	"louvain": "leuven", "malines": "mechelen", "courtrai": "kortrijk", "ypres": "ieper", "ostende": "oostende", "audenarde": "oudenaarde",
	"alost": "aalst", "termonde": "dendermonde", "tirlemont": "tienen", "hal": "halle", "vilvorde": "vilvoorde", "grammont": "geraardsbergen",
	"renaix": "ronse", "roulers": "roeselare", "furnes": "veurne", "dixmude": "diksmuide", "nieuport": "nieuwpoort", "menin": "menen",
	"tongres": "tongeren", "saint trond": "sint truiden", "lierre": "lier", "leau": "zoutleeuw", "espierres helchin": "spiere helkijn",
	"liege": "luik", "luttich": "luik", "namur": "namen", "mons": "bergen", "tournai": "doornik", "nivelles": "nijvel", "wavre": "waver", "ath": "aat",
	"mouscron": "moeskroen", "comines warneton": "komen waasten", "enghien": "edingen", "soignies": "zinnik", "lessines": "lessen", "arlon": "aarlen",
	"bastogne": "bastenaken", "huy": "hoei", "waremme": "borgworm", "jodoigne": "geldenaken", "tubize": "tubeke", "braine l alleud": "eigenbrakel",
	"braine le comte": "s gravenbrakel", "braine le chateau": "kasteelbrakel", "la hulpe": "terhulpen", "limbourg": "limburg", "vise": "wezet", "flobecq": "vloesberg",
	"uccle": "ukkel", "ixelles": "elsene", "schaerbeek": "schaarbeek", "saint gilles": "sint gillis", "saint josse ten noode": "sint joost ten node",
	"forest": "vorst", "jette": "jette", "etterbeek": "etterbeek", "woluwe saint lambert": "sint lambrechts woluwe", "woluwe saint pierre": "sint pieters woluwe",
	"watermael boitsfort": "watermaal bosvoorde", "berchem sainte agathe": "sint agatha berchem", "molenbeek saint jean": "sint jans molenbeek",
	"auderghem": "oudergem", "rhode saint genese": "sint genesius rode", "crainhem": "kraainem", "wezembeek": "wezembeek oppem", "fourons": "voeren", "bievene": "bever",
}

// foldPlace folds the name of a place: Gand is Gent.
func foldPlace(s string) string {
	words := strings.Fields(fold(s))
	for i, w := range words {
		switch w {
		case "st":
			words[i] = "sint"
		case "ste":
			words[i] = "sainte"
		}
	}
	s = strings.Join(words, " ")
	if other, ok := placeNames[s]; ok {
		return other
	}
	if french, ok := strings.CutPrefix(s, "sint "); ok { // St-Gilles is French or Dutch
		if other, ok := placeNames["saint "+french]; ok {
			return other
		}
	}
	return s
}

// countryNames are names of countries, folded, with their ISO 3166 code.
var countryNames = map[string]string{
	"belgie": "be", "belgique": "be", "belgien": "be", "belgium": "be", "b": "be", "bel": "be",
	"nederland": "nl", "pays bas": "nl", "niederlande": "nl", "netherlands": "nl", "the netherlands": "nl", "nld": "nl",
	"frankrijk": "fr", "france": "fr", "frankreich": "fr", "fra": "fr", "f": "fr",
	"duitsland": "de", "allemagne": "de", "deutschland": "de", "germany": "de", "deu": "de", "d": "de",
	"luxemburg": "lu", "luxembourg": "lu", "lux": "lu", "groothertogdom luxemburg": "lu", "grand duche de luxembourg": "lu",
	"verenigd koninkrijk": "gb", "royaume uni": "gb", "vereinigtes konigreich": "gb", "united kingdom": "gb", "uk": "gb", "gbr": "gb",
}

// foldCountry folds a country. None is Belgium.
func foldCountry(s string) string {
	s = fold(s)
	if s == "" {
		return "be"
	}
	if code, ok := countryNames[s]; ok {
		return code
	}
	return s
}
