package ledger

// CatalogueEntry is a source of social balances that a person can add as a
// connection.
type CatalogueEntry struct {
	ID     string         `json:"id"`   // what a person types, as acerta
	Name   string         `json:"name"` // as the source calls itself
	Kind   ConnectionKind `json:"kind"` // what opens its connections
	Group  CatalogueGroup `json:"group"`
	Fields []SourceField  `json:"fields"` // the first is what every connection has, as its path
}

// CatalogueGroup says what a source is, for lists.
type CatalogueGroup string

// The groups, in the order in which they are listed.
const (
	OnlineSource      CatalogueGroup = "online"  // an interface, by a connection id
	PayrollBureau     CatalogueGroup = "payroll" // its files in a folder
	AccountingPackage CatalogueGroup = "package" // its files in a folder for each dossier, whose name is the sync reference
	AnyFolder         CatalogueGroup = "folder"
	UploadedFiles     CatalogueGroup = "upload" // always there: nothing is to be added
)

// SourceField is a setting of a connection that a person types.
type SourceField struct {
	Name     string   `json:"name"`
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"`  // sealed in the state, and never shown
	Options  []string `json:"options,omitempty"` // the only values that there are, the first where none is given
	Default  string   `json:"default,omitempty"`
	Rare     bool     `json:"rare,omitempty"` // hidden until a person asks for it
}
