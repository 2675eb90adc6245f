package finbox

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"balansd/internal/clip"
	"balansd/ledger"
	"balansd/problem"
	"balansd/transport"
)

// preferredTypes are the media types of the contract, best first: XBRL has the most
// detail, and a PDF is meant for people.
var preferredTypes = []string{"application/x.xbrl", "text/csv", "application/x.jsonxbrl"}

const pdf = "application/pdf"

// Content downloads the document of a listing, in the best media type that is
// offered, and verifies its SHA-256. A document with another hash is a Damaged
// problem, to be tried again; one that is too large is an Unreadable problem.
func (c *Connection) Content(ctx context.Context, l ledger.Listing) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	subject := fmt.Sprintf("the social balance %s of dossier %s", clip.Line(l.ID), clip.Line(cmp.Or(l.Dossier.Name, l.Dossier.ID)))
	if !isIdentifier(l.ID) || !isIdentifier(l.Revision) {
		return nil, problem.New(problem.NotFound, subject+" has no usable id", "Tell SD Worx.")
	}
	path := "/v1/social-balances/" + url.PathEscape(l.ID) + "/revisions/" + url.PathEscape(l.Revision) + "/content"
	resp, err := c.client.get(ctx, path, nil, http.Header{"Accept": {accept(l.MediaTypes)}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	kind := mediaType(resp)
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, responseProblem(resp, subject)
	case strings.Contains(kind, "html"):
		return nil, notJSON(subject)
	}
	doc, err := transport.ReadAll(resp.Body, c.client.cfg.MaxDocument)
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return nil, problem.Wrap(err, problem.Unreadable, subject+" is too large",
			"Look at the document in Finbox; if it is right, raise the limit for documents in the configuration.")
	case err != nil:
		return nil, problem.Wrap(err, problem.Damaged, subject+" arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	sum := sha256.Sum256(doc)
	if want := expectedSum(l, kind, resp.Header.Get("ETag")); want != "" && hex.EncodeToString(sum[:]) != want {
		return nil, problem.New(problem.Damaged, subject+" arrived damaged: its SHA-256 is not the one that Finbox listed",
			ifItStays)
	}
	return doc, nil
}

// accept returns the Accept header: the offered media types that can be read, by
// preference. A PDF is requested only if nothing else is offered.
func accept(offered []string) string {
	var types []string
	for _, p := range preferredTypes {
		if len(offered) == 0 || slices.ContainsFunc(offered, func(o string) bool { return parseMediaType(o) == p }) {
			types = append(types, p)
		}
	}
	for _, o := range offered {
		// Types that the contract does not name are accepted, too: the
		// reader recognises a document by its content.
		if t := parseMediaType(o); t != "" && t != pdf && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return pdf
	}
	for i := 1; i < len(types); i++ {
		types[i] += fmt.Sprintf(";q=%.1f", max(0.1, 1-0.1*float64(i)))
	}
	return strings.Join(types, ", ")
}

// parseMediaType returns a media type in lower case without parameters, empty if s
// is not a media type.
func parseMediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil {
		return ""
	}
	return t
}

// expectedSum returns the SHA-256 that the document must have: for the first
// offered media type that of the listing, for any other that of the ETag.
func expectedSum(l ledger.Listing, kind, etag string) string {
	if len(l.MediaTypes) < 2 || parseMediaType(l.MediaTypes[0]) == kind {
		return l.SHA256
	}
	// A server that compresses responses adds a suffix to the tag, such as
	// "…-gzip" (Apache) or "…;br". The hash before it is the document's.
	tag := strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
	if i := strings.IndexAny(tag, "-;:+"); i > 0 {
		tag = tag[:i]
	}
	if tag = strings.ToLower(tag); sha256Hex.MatchString(tag) {
		return tag
	}
	return l.SHA256
}
