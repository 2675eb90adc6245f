package folder

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// Layout says how the files of a source are sorted by dossier.
type Layout string

// The layouts.
const (
	// LayoutAuto reads a sub-folder as a dossier's, unless its name is a year's or
	// that of a collection such as an inbox; all else is matched by the number
	// inside.
	LayoutAuto Layout = "auto"
	// LayoutDossiers has a sub-folder for each dossier, and nothing beside them.
	LayoutDossiers Layout = "dossiers"
	// LayoutFlat matches every file by the number inside, wherever it lies.
	LayoutFlat Layout = "flat"
)

// Layouts lists all layouts.
func Layouts() []Layout { return []Layout{LayoutAuto, LayoutDossiers, LayoutFlat} }

// collections are names of sub-folders that hold the files of many dossiers, plain
// as plainName writes them.
var collections = []string{
	"in", "inbox", "import", "export", "exports", "download", "downloads", "upload", "uploads",
	"archief", "archive", "archives", "archiv", "klanten", "clients", "kunden", "dossiers", "clienten",
}

// layout sorts the files of one listing by dossier.
type layout struct {
	configured Layout
	// references are the references of the sub-folders that are a dossier's, by
	// their names. Two names that look the same are one dossier.
	references map[string]string
	shared     []string // the sub-folders of many dossiers
}

// newLayout sorts the sub-folders of a source.
func newLayout(configured Layout, subfolders []string, now time.Time) layout {
	l := layout{configured: configured, references: map[string]string{}}
	slices.Sort(subfolders)
	years := onlyYears(subfolders, now)
	folded := map[string]string{}
	for _, name := range subfolders {
		if configured == LayoutFlat || configured == LayoutAuto && isCollection(name, years, now) {
			l.shared = append(l.shared, name)
			continue
		}
		key := ledger.FoldName(name)
		if _, there := folded[key]; !there {
			folded[key] = name
		}
		l.references[name] = folded[key]
	}
	return l
}

// isCollection reports whether the name of a sub-folder is none of a dossier's.
func isCollection(name string, years bool, now time.Time) bool {
	plain := balance.PlainName(name)
	return slices.Contains(collections, plain) || balance.NameSaysBalance(name) || years && isYear(name, now)
}

// isYear reports whether a name begins with a year and has no letter, such as 2024,
// 2024-03 or 2023_2024.
func isYear(name string, now time.Time) bool {
	if balance.PlainName(name) != "" || len(name) < 4 || len(name) > 4 && name[4] >= '0' && name[4] <= '9' {
		return false
	}
	year := 0
	for _, c := range []byte(name[:4]) {
		if c < '0' || c > '9' {
			return false
		}
		year = 10*year + int(c-'0')
	}
	return year >= 1990 && year <= now.Year()+1
}

// onlyYears reports whether all sub-folders without a letter in their names are
// years. Where some are not, they are numbers of dossiers, and so may 2024 be.
func onlyYears(names []string, now time.Time) bool {
	for _, name := range names {
		if balance.PlainName(name) == "" && !isYear(name, now) {
			return false
		}
	}
	return true
}

// reference returns the sync reference of the dossier that a file lies with; empty
// where it is matched by the number inside.
func (l layout) reference(name string) string {
	first, _, nested := strings.Cut(name, "/")
	if !nested {
		return ""
	}
	return l.references[first]
}

// taken says in one clause what the folder was taken for, and why. loose counts the
// files that stand directly in it and were looked at.
func (l layout) taken(loose int) string {
	dossiers := len(l.references)
	switch {
	case l.configured == LayoutFlat:
		return "one folder for all dossiers, as layout: flat says: each file is matched by the number inside"
	case l.configured == LayoutDossiers:
		return fmt.Sprintf("a sub-folder for each dossier (%d), as layout: dossiers says", dossiers)
	}
	var why []string
	if dossiers > 0 {
		why = append(why, fmt.Sprintf("a sub-folder for each dossier (%d), because their names are of no year and no collection", dossiers))
	}
	if len(l.shared) > 0 {
		why = append(why, fmt.Sprintf("folders of many dossiers, matched by the number inside, by their names: %s", firstNames(l.shared)))
	}
	if loose > 0 {
		why = append(why, fmt.Sprintf("files that stand in no sub-folder (%d), matched by the number inside", loose))
	}
	if len(why) == 0 {
		return "nothing yet: it holds no files"
	}
	return strings.Join(why, "; ")
}

// firstNames names the first few and counts the rest.
func firstNames(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}
