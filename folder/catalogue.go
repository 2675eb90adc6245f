package folder

import "balansd/ledger"

// Catalogue lists the sources whose social balances lie in a folder of the server: what
// payroll bureaus send, what packages on the server write, and any other folder. To add
// one that writes files that balansd reads takes a line here.
func Catalogue() []ledger.CatalogueEntry {
	var list []ledger.CatalogueEntry
	add := func(group ledger.CatalogueGroup, layout Layout, entries ...[2]string) {
		for _, e := range entries {
			list = append(list, ledger.CatalogueEntry{ID: e[0], Name: e[1], Kind: ledger.Folder, Group: group, Fields: fields(layout)})
		}
	}
	add(ledger.PayrollBureau, LayoutAuto, [2]string{"acerta", "Acerta"}, [2]string{"attentia", "Attentia"}, [2]string{"easypay", "Easypay"},
		[2]string{"groups", "Group S"}, [2]string{"liantis", "Liantis"}, [2]string{"partena", "Partena"}, [2]string{"securex", "Securex"}, [2]string{"ucm", "UCM"})
	// Their sync reference is the name of the dossier's folder on the server.
	add(ledger.AccountingPackage, LayoutDossiers, [2]string{"adsolut", "Adsolut"}, [2]string{"briljant", "Briljant"}, [2]string{"expertm", "ExpertM"},
		[2]string{"oras", "ORAS"}, [2]string{"popsy", "Popsy"}, [2]string{"sage50", "Sage 50"}, [2]string{"sagebob", "Sage BOB"},
		[2]string{"topaccount", "TopAccount"}, [2]string{"venice", "Venice"}, [2]string{"verocount", "VeroCount"}, [2]string{"winbooks", "WinBooks"}, [2]string{"wings", "Wings"})
	add(ledger.AnyFolder, LayoutAuto, [2]string{"folder", "Folder"})
	return append(list, ledger.CatalogueEntry{ID: "upload", Name: "Upload", Kind: ledger.Upload, Group: ledger.UploadedFiles, Fields: []ledger.SourceField{}})
}

// fields are what a person says of a folder.
func fields(layout Layout) []ledger.SourceField {
	options := []string{string(layout)} // the usual one first
	for _, l := range Layouts() {
		if l != layout {
			options = append(options, string(l))
		}
	}
	return []ledger.SourceField{
		{Name: "path", Required: true},
		{Name: "name", Rare: true},
		{Name: "layout", Options: options, Default: string(layout), Rare: true},
		{Name: "from", Rare: true},
		{Name: "ignore", Rare: true},
		{Name: "settle", Rare: true},
	}
}
