package ledger

import (
	"iter"
	"slices"
	"strings"

	"balansd/balance"
)

// DossierKey names a dossier of a connection.
type DossierKey struct {
	Connection string `json:"connection"`
	ID         string `json:"id"`
}

// Employer is one client with its dossiers: those of one enterprise number, in
// whichever connections, or one dossier without a number.
type Employer struct {
	Dossier  Dossier      // as the newest balance has it
	Dossiers []DossierKey // by the time of their newest balance, newest first
}

// Has reports whether an entry is of one of the employer's dossiers.
func (e Employer) Has(entry Entry) bool {
	return slices.Contains(e.Dossiers, DossierKey{entry.Connection, entry.Dossier.ID})
}

// Reference returns what names this employer and no other: an enterprise number, in
// whichever connection, or the id of its dossier in one.
func (e Employer) Reference() (connection, ref string) {
	if e.Dossier.EnterpriseNumber != "" {
		return "", e.Dossier.EnterpriseNumber.String()
	}
	return e.Dossiers[0].Connection, e.Dossiers[0].ID
}

// FindEmployers returns the employers among entries that people could mean by ref,
// as Dossier.Matches has it, newest first. Where ref is the id, a number or the whole
// name of some, only they are returned. The entries come newest first.
func FindEmployers(entries iter.Seq2[Entry, error], ref string) ([]Employer, error) {
	var exact, partly []Employer
	seen := map[DossierKey]bool{}
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		key := DossierKey{e.Connection, e.Dossier.ID}
		switch {
		case seen[key]:
		case e.Dossier.IsExactly(ref):
			exact = addDossier(exact, key, e.Dossier)
			seen[key] = true
		case e.Dossier.Matches(ref):
			partly = addDossier(partly, key, e.Dossier)
			seen[key] = true
		}
	}
	if len(exact) > 0 {
		return exact, nil
	}
	return partly, nil
}

// addDossier adds a dossier to its employer.
func addDossier(all []Employer, key DossierKey, d Dossier) []Employer {
	i := slices.IndexFunc(all, func(e Employer) bool {
		return d.EnterpriseNumber != "" && e.Dossier.EnterpriseNumber == d.EnterpriseNumber
	})
	if i < 0 {
		return append(all, Employer{Dossier: d, Dossiers: []DossierKey{key}})
	}
	all[i].Dossiers = append(all[i].Dossiers, key)
	return all
}

// IsExactly reports whether ref is the dossier's id, one of its numbers, or its whole
// name, in any spelling that looks the same.
func (d Dossier) IsExactly(ref string) bool {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return false
	}
	n, err := balance.ParseEnterpriseNumber(ref)
	return err == nil && n == d.EnterpriseNumber || d.IsNamed(ref) || FoldName(ref) == FoldName(d.Name)
}
