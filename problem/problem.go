package problem

import (
	"errors"
	"fmt"
	"net/http"
)

// Code names a kind of problem. Codes are stable: scripts, tickets and the
// manuals refer to them.
type Code string

// The codes. Each is in outcomes below.
const (
	Unexpected           Code = "unexpected"             // a fault in balansd itself
	Usage                Code = "usage"                  // the command line was used wrongly
	ConfigInvalid        Code = "config_invalid"         // the configuration has mistakes
	KeyInvalid           Code = "key_invalid"            // a private key or secret cannot be used
	StateLocked          Code = "state_locked"           // another process holds the state file
	StateNewer           Code = "state_newer"            // the state file is of a newer version
	StateDamaged         Code = "state_damaged"          // the state file cannot be read
	StateUnwritable      Code = "state_unwritable"       // the disk is full or refuses to write
	NotFound             Code = "not_found"              // no such entry, connection, firm or file
	NotAllowed           Code = "not_allowed"            // not possible in the state it is in
	NumberDiffers        Code = "number_differs"         // a dossier and its company have different enterprise numbers
	Conflict             Code = "conflict"               // someone else changed it meanwhile
	Busy                 Code = "busy"                   // a run is under way
	Unreadable           Code = "unreadable"             // a document that cannot be read
	NoSocialBalance      Code = "no_social_balance"      // a document without a social balance
	Damaged              Code = "document_damaged"       // a document arrived other than it was listed
	TooLarge             Code = "too_large"              // more than may be handed in at once
	ConnectionID         Code = "connection_id"          // the connection id is mistyped or unknown
	ConnectionClosed     Code = "connection_closed"      // the connection is deactivated in Finbox
	FinboxSignIn         Code = "finbox_sign_in"         // Finbox refuses our credentials
	FinboxRefused        Code = "finbox_refused"         // Finbox refuses the request
	FinboxDown           Code = "finbox_down"            // Finbox cannot be reached or is in trouble
	FolderDown           Code = "folder_down"            // a source folder cannot be read
	SilverfinSignIn      Code = "silverfin_sign_in"      // the sign-in to Silverfin did not succeed
	NeedsRelink          Code = "needs_relink"           // the firm must be linked again
	SilverfinRefused     Code = "silverfin_refused"      // Silverfin refuses the request
	SilverfinDown        Code = "silverfin_down"         // Silverfin cannot be reached or is in trouble
	AdministrationDown   Code = "administration_down"    // a source of names and addresses cannot be read or asked
	AdministrationSignIn Code = "administration_sign_in" // a source of names and addresses refuses our key or sign-in
	DaemonDown           Code = "daemon_down"            // the running daemon does not answer
	Stopped              Code = "stopped"                // stopped before it was through
	NeedsPerson          Code = "needs_person"           // done, but something needs a person
)

// Reason is the cause of a problem whose Code has several remedies. Reasons are
// stable, as codes are; the web pages translate each.
type Reason string

// The reasons.
const (
	ProxySignIn     Reason = "proxy_sign_in"    // the proxy wants a password
	ProxyRefuses    Reason = "proxy_refuses"    // the proxy, or a firewall, forbids the address
	ProxyDown       Reason = "proxy_down"       // the proxy cannot be reached
	Untrusted       Reason = "untrusted"        // the certificate's authority is not known
	OtherHost       Reason = "other_host"       // the certificate is another host's
	CertificateTime Reason = "certificate_time" // the certificate is not valid now
	NameUnknown     Reason = "name_unknown"     // the host's name is not known
	NotLinked       Reason = "not_linked"       // linking failed for a passing reason
	NotMounted      Reason = "not_mounted"      // a folder that held files is empty: its disk or share is missing
	HiddenFolder    Reason = "hidden_folder"    // a folder that the service does not see before it is installed anew
	FolderRights    Reason = "folder_rights"    // a folder that the account may not read
)

// Reasons lists every reason, for the translations and their tests.
func Reasons() []Reason {
	return []Reason{ProxySignIn, ProxyRefuses, ProxyDown, Untrusted, OtherHost, CertificateTime, NameUnknown, NotLinked, NotMounted, HiddenFolder, FolderRights}
}

// A Problem tells a person what happened and what to do next.
//
// It is safe to show and to log: What, Next and Err never hold a secret or the
// content of a document.
type Problem struct {
	Code Code   // which kind
	What string // what happened, and to which dossier: a sentence without a full stop
	Next string // what to do next: a sentence; empty where nothing can be done
	Err  error  // the cause, for the log; may be nil
	// Reason is the cause that Next is about, empty if there is none.
	Reason Reason
}

// New returns a Problem without a cause.
func New(code Code, what, next string) *Problem {
	return &Problem{Code: code, What: what, Next: next}
}

// Wrap returns a Problem with a cause.
func Wrap(err error, code Code, what, next string) *Problem {
	return &Problem{Code: code, What: what, Next: next, Err: err}
}

// Because sets Reason and Next, and returns p. An empty reason changes nothing.
func (p *Problem) Because(reason Reason, next string) *Problem {
	if reason != "" {
		p.Reason, p.Next = reason, next
	}
	return p
}

// Error returns what happened and why, on one line. Next is shown separately.
func (p *Problem) Error() string {
	if p.Err == nil {
		return p.What
	}
	return fmt.Sprintf("%s: %v", p.What, p.Err)
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Of returns the Problem in err's chain, or an Unexpected one that wraps err. It
// returns nil for nil.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return Wrap(err, Unexpected, "something unexpected happened",
		"Try again; if it stays, send the log of the last run to support.")
}

// Is reports whether err's chain has a Problem with the code.
func Is(err error, code Code) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Code == code
}

// outcome is how a code is reported to other programs.
type outcome struct {
	exit    int    // process exit code: 0 well, 1 error, 2 a person has to mend it first: usage, config, the version; 3 needs a person
	status  int    // HTTP status of the local API and the portal
	eventID uint32 // Windows event id, also MESSAGE_ID suffix in the manual; stable
}

var unexpected = outcome{1, http.StatusInternalServerError, 1}

// outcomes has the outcome of every code. It is constant.
var outcomes = map[Code]outcome{
	Unexpected:           unexpected,
	Usage:                {2, http.StatusBadRequest, 2},
	ConfigInvalid:        {2, http.StatusUnprocessableEntity, 10},
	KeyInvalid:           {2, http.StatusUnprocessableEntity, 11},
	StateLocked:          {1, http.StatusServiceUnavailable, 20},
	StateNewer:           {2, http.StatusServiceUnavailable, 21},
	StateDamaged:         {1, http.StatusServiceUnavailable, 22},
	StateUnwritable:      {1, http.StatusInsufficientStorage, 23},
	NotFound:             {1, http.StatusNotFound, 30},
	NotAllowed:           {1, http.StatusConflict, 31},
	NumberDiffers:        {1, http.StatusConflict, 34},
	Conflict:             {1, http.StatusConflict, 32},
	Busy:                 {1, http.StatusConflict, 33},
	Unreadable:           {1, http.StatusUnprocessableEntity, 40},
	NoSocialBalance:      {3, http.StatusUnprocessableEntity, 41},
	Damaged:              {1, http.StatusBadGateway, 42},
	TooLarge:             {1, http.StatusRequestEntityTooLarge, 43},
	ConnectionID:         {1, http.StatusNotFound, 50},
	ConnectionClosed:     {1, http.StatusGone, 51},
	FinboxSignIn:         {1, http.StatusBadGateway, 52},
	FinboxRefused:        {1, http.StatusBadGateway, 53},
	FinboxDown:           {1, http.StatusBadGateway, 54},
	FolderDown:           {1, http.StatusBadGateway, 55},
	SilverfinSignIn:      {1, http.StatusBadGateway, 60},
	NeedsRelink:          {3, http.StatusBadGateway, 61},
	SilverfinRefused:     {1, http.StatusBadGateway, 62},
	SilverfinDown:        {1, http.StatusBadGateway, 63},
	AdministrationDown:   {1, http.StatusBadGateway, 64},
	AdministrationSignIn: {3, http.StatusBadGateway, 65},
	DaemonDown:           {1, http.StatusServiceUnavailable, 70},
	Stopped:              {1, http.StatusServiceUnavailable, 71},
	NeedsPerson:          {3, http.StatusOK, 80},
}

func (c Code) outcome() outcome {
	if o, ok := outcomes[c]; ok {
		return o
	}
	return unexpected
}

// ExitCode returns the process exit code for the kind: 0 well, 1 error, 2 usage or
// configuration, 3 done but something needs a person.
func (c Code) ExitCode() int { return c.outcome().exit }

// HTTPStatus returns the HTTP status of the local API's response.
func (c Code) HTTPStatus() int { return c.outcome().status }

// EventID returns the id under which the kind appears in the Windows event log.
func (c Code) EventID() uint32 { return c.outcome().eventID }

// Codes lists every code, for the manuals and their tests. The order is
// unspecified.
func Codes() []Code {
	codes := make([]Code, 0, len(outcomes))
	for c := range outcomes {
		codes = append(codes, c)
	}
	return codes
}
