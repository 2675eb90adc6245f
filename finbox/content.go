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

// preferred are the media types of the contract, the best first: XBRL says
// most, a PDF is only for people.
var preferred = []string{"application/x.xbrl", "text/csv", "application/x.jsonxbrl"}

const pdf = "application/pdf"

// Content fetches the document of a listing, in the best form that is offered,
// and verifies its SHA-256. What arrived damaged is a Damaged problem, to
// be tried again; what is too large is Unreadable.
func (c *Connection) Content(ctx context.Context, l ledger.Listing) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	whom := fmt.Sprintf("the social balance %s of dossier %s", clip.Line(l.ID), clip.Line(cmp.Or(l.Dossier.Name, l.Dossier.ID)))
	if !isIdentifier(l.ID) || !isIdentifier(l.Revision) {
		return nil, problem.New(problem.NotFound, whom+" has no usable id", "Tell SD Worx.")
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
		return nil, refusal(resp, whom)
	case strings.Contains(kind, "html"):
		return nil, notFinbox(whom)
	}
	doc, err := transport.ReadAll(resp.Body, c.client.cfg.MaxDocument)
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return nil, problem.Wrap(err, problem.Unreadable, whom+" is too large",
			"Look at the document in Finbox; if it is right, raise the limit for documents in the configuration.")
	case err != nil:
		return nil, problem.Wrap(err, problem.Damaged, whom+" arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	sum := sha256.Sum256(doc)
	if want := expected(l, kind, resp.Header.Get("ETag")); want != "" && hex.EncodeToString(sum[:]) != want {
		return nil, problem.New(problem.Damaged, whom+" arrived damaged: its SHA-256 is not the one that Finbox listed",
			ifItStays)
	}
	return doc, nil
}

// accept writes the Accept header: what is offered and can be read, by
// preference. A PDF is asked for only where nothing else is offered.
func accept(offered []string) string {
	var types []string
	for _, p := range preferred {
		if len(offered) == 0 || slices.ContainsFunc(offered, func(o string) bool { return bare(o) == p }) {
			types = append(types, p)
		}
	}
	for _, o := range offered {
		// Forms that the contract does not name yet are worth a try: the
		// reader recognises a document by its content.
		if t := bare(o); t != "" && t != pdf && !slices.Contains(types, t) {
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

// bare gives a media type in lower case without parameters, empty for what is
// none.
func bare(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil {
		return ""
	}
	return t
}

// expected gives the SHA-256 that the document must have: the listing's for
// the form that is offered first, the ETag's for any other.
func expected(l ledger.Listing, kind, etag string) string {
	if len(l.MediaTypes) < 2 || bare(l.MediaTypes[0]) == kind {
		return l.SHA256
	}
	// A server that compresses on the way marks the tag: "…-gzip" (Apache),
	// "…;br" and the like. The sum before the mark is still the document's.
	tag := strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
	if i := strings.IndexAny(tag, "-;:+"); i > 0 {
		tag = tag[:i]
	}
	if tag = strings.ToLower(tag); sha256Hex.MatchString(tag) {
		return tag
	}
	return l.SHA256
}
