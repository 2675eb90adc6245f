package localapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// The paths of the calls that are streams; operations.go has the others. A call
// that changes its meaning gets another prefix: the command line and the daemon
// may be of different versions while one of them is being updated.
const (
	prefix = "/v1/"

	pathSync     = prefix + "sync"
	pathSyncStop = prefix + "sync/stop"
	pathEntries  = prefix + "entries"
)

// The media types: RFC 8259, RFC 9457, and one JSON value a line.
const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
	streamType  = "application/x-ndjson"
)

// The requests of Sync and Entries; those of the other operations are operations.go's
// and daemon.API's.
type (
	syncCall struct {
		daemon.SyncRequest
		// Call is a name that the client made up, with which it can stop the run
		// and still hear how it ended.
		Call string `json:"call,omitempty"`
	}
	stopCall struct {
		Call string `json:"call"`
	}
)

// line is one line of a stream. The last has End set, so that a stream that was cut
// off is not taken for a whole one.
type line struct {
	Progress *daemon.Progress `json:"progress,omitempty"`
	Entry    *ledger.Entry    `json:"entry,omitempty"`
	Run      *ledger.Run      `json:"pass,omitempty"`
	Problem  *problemBody     `json:"problem,omitempty"`
	End      bool             `json:"end,omitempty"`
}

// problemBody is a problem as RFC 9457 writes it, with the members of ours.
type problemBody struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   problem.Code `json:"code"`
	What   string       `json:"what"`
	Next   string       `json:"next,omitempty"`

	Reason problem.Reason `json:"reason,omitempty"` // what is in the way, where next is about that
}

// bodyOf writes err as a problem body.
func bodyOf(err error) *problemBody {
	p := problem.Of(err)
	return &problemBody{
		Type: "urn:balansd:problem:" + string(p.Code), Title: p.What, Status: p.Code.HTTPStatus(),
		Detail: p.Error(), Code: p.Code, What: p.What, Next: p.Next, Reason: p.Reason,
	}
}

// problem makes the problem again that the body was made of. Of the cause only
// the text is left.
func (b *problemBody) problem() *problem.Problem {
	p := problem.New(b.Code, b.What, b.Next).Because(b.Reason, b.Next)
	if cause, ok := strings.CutPrefix(b.Detail, b.What+": "); ok {
		p.Err = errors.New(cause)
	}
	return p
}

// decode reads the one JSON value of a request, strictly: a misspelt setting of
// a call must not be taken for one that was left out. An empty body is the zero
// request. It reads to the end of the body: only from there on does the server
// notice that a client goes away.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	// A server's ReadTimeout would end the long calls too. After a body that
	// cannot be read the deadline stays, since the server reads on to the end.
	// A connection without deadlines, in a test, is only more patient.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
	if err := readOne(http.MaxBytesReader(w, r.Body, maxBody), into); err != nil {
		return problem.Wrap(err, problem.Usage, "the local API cannot read the request",
			"Use a balansd command line of the same version as the daemon.")
	}
	_ = conn.SetReadDeadline(time.Time{})
	return nil
}

// readOne reads one JSON value, or none, and nothing after it.
func readOne(body io.Reader, into any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	_, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = errors.New("more than one JSON value")
	}
	return err
}

// writeJSON answers with v. A client that went away cannot be told so.
func writeJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, err error) {
	b := bodyOf(err)
	writeJSON(w, b.Status, problemType, b)
}
