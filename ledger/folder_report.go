package ledger

// FolderReport is what the last listing of a folder found in it, for people.
type FolderReport struct {
	Files     int            `json:"files"`               // all but what is left out
	Balances  int            `json:"balances"`            // social balances that can be read
	Unusable  int            `json:"unusable,omitempty"`  // files that are meant as one and cannot be read
	Others    map[string]int `json:"others,omitempty"`    // files that are no social balance, by kind
	Postponed int            `json:"postponed,omitempty"` // files that could not be looked at
	LeftOut   int            `json:"left_out,omitempty"`  // recycle bins, hidden files and what the configuration ignores
	Dossiers  int            `json:"dossiers"`            // sub-folders that are each of one dossier
	ByNumber  int            `json:"by_number,omitempty"` // balances that are matched by the number in them alone
	Layout    string         `json:"layout"`              // as it is configured
	Taken     string         `json:"taken"`               // one clause: what the folder was taken for, and why
	// Problems are what stands in the way now, one sentence each, the first few
	// of them; More counts the rest.
	Problems []string `json:"problems,omitempty"`
	More     int      `json:"more,omitempty"`
}

// FolderContent is what a folder's listing says about the whole folder, besides
// the balances in it.
type FolderContent struct {
	Report FolderReport
	// Unsure are the ids of files that are there and could not be looked at, which
	// stand for all in an archive, and of folders, which end with a slash. Whatever else of the connection was not
	// listed is not there any more, or is no social balance.
	Unsure []string
}
