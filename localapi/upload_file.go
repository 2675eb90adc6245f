package localapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"balansd/daemon"
	"balansd/problem"
)

// pathUploadFile is the one call whose body is not JSON: it is the file, and the
// request stands in the query.
const pathUploadFile = prefix + "upload-file"

// contentType is the media type of an uploaded file, whatever it is.
const contentType = "application/octet-stream"

// uploadFile passes a file on as it arrives.
func (h *handler) uploadFile(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	content := &timedReader{body: http.MaxBytesReader(w, r.Body, daemon.MaxUploadBytes+1), conn: http.NewResponseController(w), patience: h.StreamTimeout}
	u, err := h.API.UploadFile(r.Context(), daemon.UploadFileRequest{Upload: q.Get("upload"), Name: q.Get("name"), By: q.Get("by")}, content)
	if err != nil {
		writeProblem(w, content.explain(err))
		return
	}
	writeJSON(w, http.StatusOK, jsonType, withEmptyLists(u))
}

// timedReader reads a body for as long as the client sends: the time that it may take
// begins anew with each read.
type timedReader struct {
	body     io.Reader
	conn     *http.ResponseController
	patience time.Duration
	err      error
}

func (t *timedReader) Read(p []byte) (int, error) {
	_ = t.conn.SetReadDeadline(time.Now().Add(t.patience)) // a test's connection may have no deadlines
	n, err := t.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// explain returns the problem of a file that was not sent to its end.
func (t *timedReader) explain(err error) error {
	if t.err == nil || !errors.Is(err, t.err) {
		return err
	}
	if _, large := errors.AsType[*http.MaxBytesError](t.err); large {
		return problem.Wrap(t.err, problem.TooLarge, "the file is larger than what may be handed in", "Hand in a smaller file.")
	}
	return problem.Wrap(t.err, problem.Stopped, "the file was not sent to its end", "Send it again.")
}

// UploadFile is daemon.API's.
func (c *Client) UploadFile(ctx context.Context, r daemon.UploadFileRequest, content io.Reader) (u daemon.Upload, err error) {
	query := url.Values{"upload": {r.Upload}, "name": {r.Name}, "by": {r.By}}.Encode()
	resp, err := c.post(ctx, pathUploadFile+"?"+query, contentType, content)
	if err != nil {
		return u, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&u); err != nil {
		return u, unreachable(ctx, err)
	}
	return u, nil
}

// UploadFile is daemon.API's. What was not confirmed is not recorded.
func (a *audited) UploadFile(ctx context.Context, r daemon.UploadFileRequest, content io.Reader) (daemon.Upload, error) {
	return a.api.UploadFile(ctx, r, content)
}
