package ledger

import "balansd/balance"

// exportWords are the states, the reasons and the kinds of failure as people
// call them, by language. It is never changed.
var exportWords = map[balance.Lang]map[string]string{
	balance.Dutch: {
		"found": "gevonden", "waiting": "in afwachting", "failed": "mislukt", "sending": "wordt verstuurd", "done": "in Silverfin",
		"differs": "verschillen", "superseded": "vervangen", "ignored": "genegeerd",
		"no_company": "geen dossier in Silverfin", "several_companies": "meerdere dossiers in Silverfin",
		"no_period": "geen periode", "year_differs": "ander boekjaar in Silverfin", "workflow_closed": "workflow niet open", "period_locked": "periode vergrendeld",
		"template_missing": "template ontbreekt", "template_unknown": "mapping noemt een onbekende template", "connection_inactive": "koppeling niet actief",
		"needs_relink": "opnieuw te koppelen", "findings": "opmerkingen", "before_activation": "van vóór de startdatum", "dismissed": "genegeerd door iemand", "not_listed": "geen bestand meer",
		"doubtful_figures": "cijfers niet eenduidig", "two_amounts": "twee bedragen voor één rubriek", "number_differs": "ander ondernemingsnummer in Silverfin", "link_paused": "dossierkoppeling gepauzeerd", "part_missing": "sociale balans van een ander dossier ontbreekt", "parts_differ": "sociale balansen niet samen te tellen", "part_of_sum": "deel van een som", "which_counts": "meerdere sociale balansen, welke telt?",
		"unreadable": "onleesbaar", "refused": "geweigerd door Silverfin", "not_equal": "andere cijfers bewaard dan verstuurd", "in_whole_euros": "afgerond op hele euro's",
		"unavailable": "Finbox of Silverfin niet bereikbaar",
	},
	balance.French: {
		"found": "trouvé", "waiting": "en attente", "failed": "échoué", "sending": "en cours d'envoi", "done": "dans Silverfin",
		"differs": "écart", "superseded": "remplacé", "ignored": "ignoré",
		"no_company": "pas de dossier dans Silverfin", "several_companies": "plusieurs dossiers dans Silverfin",
		"no_period": "pas de période", "year_differs": "autre exercice dans Silverfin", "workflow_closed": "workflow non ouvert", "period_locked": "période verrouillée",
		"template_missing": "modèle manquant", "template_unknown": "modèle inconnu dans la correspondance", "connection_inactive": "connexion inactive",
		"needs_relink": "à reconnecter", "findings": "remarques", "before_activation": "d'avant la date de début", "dismissed": "ignoré par quelqu'un", "not_listed": "plus de fichier",
		"doubtful_figures": "chiffres ambigus", "two_amounts": "deux montants pour une rubrique", "number_differs": "autre numéro d'entreprise dans Silverfin", "link_paused": "liaison du dossier en pause", "part_missing": "bilan social d'un autre dossier manquant", "parts_differ": "bilans sociaux impossibles à additionner", "part_of_sum": "partie d'une somme", "which_counts": "plusieurs bilans sociaux, lequel compte ?",
		"unreadable": "illisible", "refused": "refusé par Silverfin", "not_equal": "autres chiffres enregistrés que ceux envoyés", "in_whole_euros": "arrondi à l'euro",
		"unavailable": "Finbox ou Silverfin injoignable",
	},
	balance.German: {
		"found": "gefunden", "waiting": "wartet", "failed": "fehlgeschlagen", "sending": "wird gesendet", "done": "in Silverfin",
		"differs": "Abweichungen", "superseded": "ersetzt", "ignored": "ignoriert",
		"no_company": "kein Dossier in Silverfin", "several_companies": "mehrere Dossiers in Silverfin",
		"no_period": "keine Periode", "year_differs": "anderes Geschäftsjahr in Silverfin", "workflow_closed": "Workflow nicht offen", "period_locked": "Periode gesperrt",
		"template_missing": "Vorlage fehlt", "template_unknown": "Zuordnung nennt eine unbekannte Vorlage", "connection_inactive": "Verbindung nicht aktiv",
		"needs_relink": "neu zu verbinden", "findings": "Bemerkungen", "before_activation": "vor dem Startdatum erstellt", "dismissed": "von jemandem ignoriert", "not_listed": "keine Datei mehr",
		"doubtful_figures": "Zahlen nicht eindeutig", "two_amounts": "zwei Beträge für eine Rubrik", "number_differs": "andere Unternehmensnummer in Silverfin", "link_paused": "Dossierverknüpfung pausiert", "part_missing": "Sozialbilanz eines anderen Dossiers fehlt", "parts_differ": "Sozialbilanzen nicht zusammenzuzählen", "part_of_sum": "Teil einer Summe", "which_counts": "mehrere Sozialbilanzen, welche zählt?",
		"unreadable": "nicht lesbar", "refused": "von Silverfin abgelehnt", "not_equal": "andere Zahlen gespeichert als gesendet", "in_whole_euros": "auf ganze Euro gerundet",
		"unavailable": "Finbox oder Silverfin nicht erreichbar",
	},
}

// exportModels are the models as people call them, by language. It is never
// changed.
var exportModels = map[balance.Lang]map[balance.Model]string{
	balance.Dutch:   {balance.Full: "volledig", balance.Abbreviated: "verkort", balance.Micro: "micro"},
	balance.French:  {balance.Full: "complet", balance.Abbreviated: "abrégé", balance.Micro: "micro"},
	balance.English: {balance.Full: "full", balance.Abbreviated: "abbreviated", balance.Micro: "micro"},
	balance.German:  {balance.Full: "vollständig", balance.Abbreviated: "verkürzt", balance.Micro: "Mikro"},
}
