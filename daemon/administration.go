package daemon

import (
	"context"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
)

// AdministrationConfig says where names and addresses of clients come from.
type AdministrationConfig struct {
	// Sources are those of the configuration, in its order: for a company the first one
	// counts that has its number. Without one, nothing is compared.
	Sources []administration.Source
	// Rows keeps what is known of each company, and what each source listed last.
	Rows keyvalue.Store
	// Language is the one in which a value is shown, and written, that has several.
	Language string
}

// AdministrationSource is a source with what it listed last.
type AdministrationSource struct {
	Name     string                 `json:"name"`
	Kind     administration.Kind    `json:"kind"`
	Fields   []administration.Field `json:"fields"`
	Register bool                   `json:"register,omitempty"` // it has every active enterprise
	ListedAt time.Time              `json:"listed_at,omitzero"` // when it was last listed without an error
	Report   administration.Report  `json:"report"`             // of that listing
	// Problem is why the newest listing failed, and ProblemCode its kind; empty if it did
	// not. What was listed before counts until then.
	Problem     string    `json:"problem,omitempty"`
	ProblemCode string    `json:"problem_code,omitempty"`
	FailedAt    time.Time `json:"failed_at,omitzero"`
}

// AdministrationQuery selects companies.
type AdministrationQuery struct {
	Search string `json:"search,omitempty"` // in name, number and id
	Open   bool   `json:"open,omitempty"`   // only those with differences that nobody decided about
	FirmID int64  `json:"firm_id,omitempty"`
	Skip   int    `json:"skip,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 0 for all
}

// AdministrationPage is a part of the companies, those with open differences first.
type AdministrationPage struct {
	Sources   []AdministrationSource  `json:"sources"`
	Companies []ledger.Administration `json:"companies"`
	Total     int                     `json:"total"` // that the query selects
	Open      int                     `json:"open"`  // of all companies
}

// AdministrationRequest names a company: by firm and id, or by what names it alone.
type AdministrationRequest struct {
	FirmID    int64  `json:"firm_id,omitempty"`
	CompanyID int64  `json:"company_id,omitempty"`
	Search    string `json:"search,omitempty"` // its enterprise number, its name, a part of it
}

// AdministrationDetail is everything that is known of the name and address of a company.
type AdministrationDetail struct {
	ledger.Administration

	Firm string `json:"firm"`
	// Others are what the other sources state of the same company.
	Others []StatedBy `json:"others"`
	// Unavailable are fields that people look for and that none of the sources has.
	Unavailable []string `json:"unavailable"`
	// Language is the one in which values are shown.
	Language string `json:"language,omitempty"`
}

// Shareholders names what no source has, for AdministrationDetail.Unavailable.
const Shareholders = "shareholders"

// StatedBy is what a source states of a company.
type StatedBy struct {
	Source    string                `json:"source"`
	Reference string                `json:"reference"`
	ListedAt  time.Time             `json:"listed_at"`
	Values    administration.Values `json:"values"`
}

// ReferenceQuery searches the references of a source; of all sources with an empty Source.
type ReferenceQuery struct {
	Source string `json:"source,omitempty"`
	Search string `json:"search,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 0 for 50
}

// ReferencePage lists references.
type ReferencePage struct {
	References []AdministrationReference `json:"references"`
	Total      int                       `json:"total"`
}

// AdministrationReference is a client as a source has it.
type AdministrationReference struct {
	Source           string                   `json:"source"`
	Reference        string                   `json:"reference"`
	Name             string                   `json:"name"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	City             string                   `json:"city,omitempty"`
}

// PickRequest picks the reference of a company; an empty one has the first source count
// again.
type PickRequest struct {
	FirmID    int64  `json:"firm_id"`
	CompanyID int64  `json:"company_id"`
	Source    string `json:"source,omitempty"`
	Reference string `json:"reference,omitempty"`
	By        string `json:"by,omitempty"`
}

// AdministrationSync asks for a comparison of what sources state with what Silverfin has.
type AdministrationSync struct {
	// Known compares what was listed last, and asks no source.
	Known bool `json:"known,omitempty"`
	// FirmID and CompanyID are of the only company to compare; both 0 for all.
	FirmID    int64  `json:"firm_id,omitempty"`
	CompanyID int64  `json:"company_id,omitempty"`
	By        string `json:"by,omitempty"`
}

// AdministrationSynced is the outcome of a comparison.
type AdministrationSynced struct {
	Sources   []AdministrationSource `json:"sources"`
	Companies int                    `json:"companies"` // that were compared
	Matched   int                    `json:"matched"`   // of which a source states something
	Open      int                    `json:"open"`      // with differences that nobody decided about
	Named     int                    `json:"named"`     // that had no name and got one
	Written   int                    `json:"written"`   // whose recorded write was carried out now
	// Problems are what was in the way, one sentence each.
	Problems []string `json:"problems"`
}

// AdministrationChoice is a person's decision about differences in administration data.
type AdministrationChoice string

// The choices.
const (
	UseSource     AdministrationChoice = "use"  // write the source's values into Silverfin
	KeepCompanies AdministrationChoice = "keep" // leave Silverfin's
)

// AdministrationDecision is what a person decides about differences of companies.
type AdministrationDecision struct {
	Companies []SeenAdministration   `json:"companies"`
	Fields    []administration.Field `json:"fields,omitempty"` // all that differ when there are none
	Choice    AdministrationChoice   `json:"choice"`
	By        string                 `json:"by,omitempty"`
}

// SeenAdministration is a company as a person saw it.
type SeenAdministration struct {
	FirmID    int64 `json:"firm_id"`
	CompanyID int64 `json:"company_id"`
	// Version is the one that the person saw; 0 for whatever it is now.
	Version uint64 `json:"version,omitempty"`
}

// AdministrationDecided is the outcome of a decision. What is in Problems was not done.
type AdministrationDecided struct {
	Done     []ledger.Administration `json:"done"`
	Problems []AdministrationProblem `json:"problems"`
}

// AdministrationProblem is why a decision about a company was not carried out.
type AdministrationProblem struct {
	FirmID    int64  `json:"firm_id"`
	CompanyID int64  `json:"company_id"`
	Company   string `json:"company,omitempty"`
	Code      string `json:"code"`
	What      string `json:"what"`
	Next      string `json:"next,omitempty"`
}

// administrationAPI is the part of API about administration data.
type administrationAPI interface {
	// ListAdministration lists companies with what sources state of them.
	ListAdministration(ctx context.Context, q AdministrationQuery) (AdministrationPage, error)
	// ShowAdministration returns everything that is known of one company. A Usage problem
	// lists the companies that the request fits.
	ShowAdministration(ctx context.Context, r AdministrationRequest) (AdministrationDetail, error)
	// References searches what the sources listed last.
	References(ctx context.Context, q ReferenceQuery) (ReferencePage, error)
	// PickReference picks the reference of a company, or takes the pick away, and compares
	// the company again.
	PickReference(ctx context.Context, r PickRequest) (ledger.Administration, error)
	// SyncAdministration lists the sources and compares what they state with Silverfin.
	// What a source that fails listed before still counts. Nothing is written but the name
	// of a company that has none, and what a person had decided before.
	SyncAdministration(ctx context.Context, r AdministrationSync) (AdministrationSynced, error)
	// DecideAdministration settles differences: the source's values are written into
	// Silverfin and read back, or Silverfin's are kept until one of the sides changes.
	DecideAdministration(ctx context.Context, r AdministrationDecision) (AdministrationDecided, error)
	// NumberFindings lists the enterprise numbers of dossiers of which the sources say
	// something else.
	NumberFindings(ctx context.Context, q NumberQuery) (NumberPage, error)
}
