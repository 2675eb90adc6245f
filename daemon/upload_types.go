package daemon

import (
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// Upload is what a person handed in at once.
type Upload struct {
	ID    string    `json:"id"`
	By    string    `json:"by"`
	Began time.Time `json:"began"`
	// Files is how many files were handed in; a ZIP is one.
	Files int `json:"files"`
	// Items are the documents, by name: files, and those in ZIP archives.
	Items []UploadItem `json:"items,omitempty"`
	// Skipped are the files in ZIP archives that could not be read, with why;
	// at most 100, and SkippedMore counts the rest. Others says what else lay
	// in them that is no social balance, such as "12 .jpg, 3 .docx".
	Skipped     []SkippedFile `json:"skipped,omitempty"`
	SkippedMore int           `json:"skipped_more,omitempty"`
	Others      []string      `json:"others,omitempty"`
	// Checking says that its documents are being read and compared with Silverfin.
	Checking bool `json:"checking,omitempty"`
}

// Until is when what is not confirmed is removed.
func (u Upload) Until() time.Time { return u.Began.Add(UploadLife) }

// SkippedFile is a file in a ZIP archive that was not read.
type SkippedFile struct {
	Name   string             `json:"name"`
	Reason balance.SkipReason `json:"reason"`
	Why    string             `json:"why"` // a clause in English
}

// UploadItem is one document of an upload.
type UploadItem struct {
	ID     string `json:"id"`
	Name   string `json:"name"` // of the file, with its path in a ZIP archive; to show, and never a path on this server
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Archived says that it came in a ZIP archive.
	Archived bool `json:"archived,omitempty"`
	// Version grows with each change of what a person sees of it.
	Version uint64      `json:"version"`
	State   UploadState `json:"state"`
	// Problem and Next say why the document cannot be used, and what to do.
	Problem string           `json:"problem,omitempty"`
	Next    string           `json:"next,omitempty"`
	Code    problem.Code     `json:"code,omitempty"`
	Cause   balance.Cause    `json:"cause,omitempty"` // of Problem, where it is of a known kind
	Balance *UploadedBalance `json:"balance,omitempty"`
	// Client is what a person chose, nil for by the enterprise number.
	Client *Client `json:"client,omitempty"`
	// Outlook says what would become of it, nil before that is known.
	Outlook *UploadOutlook `json:"outlook,omitempty"`
	// Entry is its number in the ledger once it was confirmed.
	Entry uint64 `json:"entry,omitempty"`
	// NumberDiffers is the word with which it was confirmed, where the company
	// has another enterprise number.
	NumberDiffers *ledger.NumberDiffers `json:"number_differs,omitempty"`
}

// UploadState is how far a document is.
type UploadState string

// The states of an uploaded document.
const (
	UploadStored    UploadState = "stored"    // not read yet
	UploadRead      UploadState = "read"      // to be confirmed
	UploadUnusable  UploadState = "unusable"  // holds nothing that can be delivered
	UploadConfirmed UploadState = "confirmed" // in the ledger
)

// UploadedBalance is what a document says.
type UploadedBalance struct {
	Layout           balance.Layout           `json:"layout"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	Name             string                   `json:"name,omitempty"`
	Model            balance.Model            `json:"model,omitempty"`
	FiscalYear       balance.Period           `json:"fiscal_year"`
	Correction       bool                     `json:"correction,omitempty"`
	Rounded          bool                     `json:"rounded,omitempty"`
	Values           balance.Values           `json:"values"`
	Findings         []balance.Finding        `json:"findings,omitempty"`
	Doubts           []balance.Doubt          `json:"doubts,omitempty"`
}

// YearInDoubt reports whether the document leaves its financial year open.
func (b UploadedBalance) YearInDoubt() bool {
	return (&balance.Balance{Doubts: b.Doubts}).YearInDoubt()
}

// Client is a company in Silverfin, or a dossier that is not there yet, to which an
// uploaded document can go.
type Client struct {
	FirmID           int64                    `json:"firm_id,omitempty"`
	CompanyID        int64                    `json:"company_id,omitempty"` // 0 for a client that Silverfin does not have
	Firm             string                   `json:"firm,omitempty"`       // the firm's name
	Name             string                   `json:"name"`
	FileCode         string                   `json:"file_code,omitempty"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	// NumberDiffers is the company's name as an admin typed it, where its
	// enterprise number is another one than the document's.
	NumberDiffers string `json:"number_differs,omitempty"`
	// Suggestion says why it may be the client that a query is for, nil where nothing
	// does.
	Suggestion *Suggestion `json:"suggestion,omitempty"`
}

// UploadOutlook is what would become of a document if it were confirmed now.
type UploadOutlook struct {
	Kind   OutlookKind   `json:"kind"`
	Reason ledger.Reason `json:"reason,omitempty"` // why it would wait
	Detail string        `json:"detail,omitempty"` // a sentence in English
	// Company is the one that takes it, nil when none was found. Target is where
	// its figures land there.
	Company *Client        `json:"company,omitempty"`
	Target  *ledger.Target `json:"target,omitempty"`
	// Candidates are the companies among which a person chooses.
	Candidates  []Client            `json:"candidates,omitempty"`
	Writes      int                 `json:"writes,omitempty"` // how many figures would be written
	Differences []ledger.Difference `json:"differences,omitempty"`
	// Entry is the one that has this content already, or that counts before it.
	Entry uint64       `json:"entry,omitempty"`
	State ledger.State `json:"state,omitempty"` // of that entry
	At    time.Time    `json:"at"`              // when Silverfin was read
}

// OutlookKind names what would become of a document.
type OutlookKind string

// The outlooks.
const (
	OutlookEqual   OutlookKind = "equal"   // Silverfin has these figures
	OutlookEmpty   OutlookKind = "empty"   // Silverfin has none of them
	OutlookOurs    OutlookKind = "ours"    // figures that balansd wrote are replaced
	OutlookDiffers OutlookKind = "differs" // Silverfin has figures that a person must decide about
	OutlookWaits   OutlookKind = "waits"   // it cannot be delivered yet, for the Reason
	OutlookOlder   OutlookKind = "older"   // the entry counts before it
	OutlookKnown   OutlookKind = "known"   // the entry has this content already
	OutlookUnknown OutlookKind = "unknown" // Silverfin could not be asked
)

// CanConfirm reports whether the document can be confirmed: its client is known,
// by an enterprise number or by a person's choice.
func (it UploadItem) CanConfirm() bool {
	return it.State == UploadRead && !it.ClientMissing() && (it.Outlook == nil || it.Outlook.Reason != ledger.NumbersDiffer)
}

// ClientMissing reports whether only a person can say whose document it is.
func (it UploadItem) ClientMissing() bool {
	return it.Balance != nil && it.Balance.EnterpriseNumber == "" && it.Client == nil
}

// Undecided reports whether a person should look at the document before it is
// confirmed: its client is not certain, figures in Silverfin would be decided
// about, or it leaves something open.
func (it UploadItem) Undecided() bool {
	if it.State != UploadRead || it.Outlook == nil || it.ClientMissing() || len(it.Balance.Doubts) > 0 {
		return true
	}
	switch it.Outlook.Reason {
	case ledger.NoCompany, ledger.SeveralCompanies, ledger.NumbersDiffer:
		return true
	default:
		return it.Outlook.Kind == OutlookDiffers
	}
}

// UploadRequest names an upload.
type UploadRequest struct {
	ID string `json:"id"`
	By string `json:"by,omitempty"`
}

// UploadFileRequest describes a file that is handed in. An empty Upload begins a
// new one.
type UploadFileRequest struct {
	Upload string `json:"upload,omitempty"`
	Name   string `json:"name"`
	By     string `json:"by,omitempty"`
}

// UploadConfirmation says that a person saw a document as it stands at Seen, and
// wants it delivered.
type UploadConfirmation struct {
	ID   string `json:"id"`
	Item string `json:"item"`
	Seen uint64 `json:"seen"` // its Version
	By   string `json:"by,omitempty"`
}
