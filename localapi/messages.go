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

// The paths of the calls that are streams; operations.go has the others. A call whose
// meaning changes gets another prefix, because the command line and the daemon may be
// of different versions during an update.
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

// The requests of a sync and of stopping it. The other requests are the API's own.
type (
	syncCall struct {
		daemon.SyncRequest
		// Call is a random name by which the client can stop the run and still get
		// its outcome.
		Call string `json:"call,omitempty"`
	}
	stopCall struct {
		Call string `json:"call"`
	}
)

// line is one line of a stream. The last one has End set, so that a stream that was cut
// off is not mistaken for a complete one.
type line struct {
	Progress *daemon.Progress `json:"progress,omitempty"`
	Entry    *ledger.Entry    `json:"entry,omitempty"`
	Run      *ledger.Run      `json:"pass,omitempty"`
	Problem  *problemBody     `json:"problem,omitempty"`
	End      bool             `json:"end,omitempty"`
}

// problemBody is a problem in the form of RFC 9457, with extension members.
type problemBody struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   problem.Code `json:"code"`
	What   string       `json:"what"`
	Next   string       `json:"next,omitempty"`

	Reason problem.Reason `json:"reason,omitempty"` // what blocks the network, if next is about that
}

// bodyOf returns the problem body of err.
func bodyOf(err error) *problemBody {
	p := problem.Of(err)
	return &problemBody{
		Type: "urn:balansd:problem:" + string(p.Code), Title: p.What, Status: p.Code.HTTPStatus(),
		Detail: p.Error(), Code: p.Code, What: p.What, Next: p.Next, Reason: p.Reason,
	}
}

// problem returns the problem that the body was made from. Of its cause only the text
// is left.
func (b *problemBody) problem() *problem.Problem {
	p := problem.New(b.Code, b.What, b.Next).Because(b.Reason, b.Next)
	if cause, ok := strings.CutPrefix(b.Detail, b.What+": "); ok {
		p.Err = errors.New(cause)
	}
	return p
}

// decode reads the one JSON value of a request. A field that is not known is an error,
// because a misspelt one would count as left out. An empty body is the zero request. It
// reads to the end of the body: only then does the server notice that the client
// disconnects.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	// The server's ReadTimeout would end long calls too. After a body that cannot be
	// read the deadline stays, since the server reads on to the end of the body. Errors
	// are ignored: a test's connection may have no deadlines.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	if err := decodeOne(http.MaxBytesReader(w, r.Body, maxBody), into); err != nil {
		return problem.Wrap(err, problem.Usage, "the local API cannot read the request",
			"Use a balansd command line of the same version as the daemon.")
	}
	_ = conn.SetReadDeadline(time.Time{})
	return nil
}

// decodeOne reads at most one JSON value, and requires that nothing follows.
func decodeOne(body io.Reader, into any) error {
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

// writeJSON answers with v. An error of writing is ignored, as the client is gone.
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
