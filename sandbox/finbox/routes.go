package finbox

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
)

func (f *Finbox) routes() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /v1/connections/{connection_id}", f.serveConnection)
	api.HandleFunc("GET /v1/connections/{connection_id}/dossiers", f.serveDossiers)
	api.HandleFunc("GET /v1/connections/{connection_id}/social-balances", f.serveListing)
	api.HandleFunc("GET /v1/social-balances/{id}/revisions/{revision}/content", f.serveContent)
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, http.StatusNotFound, msgNothingHere)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+tokenPath, f.serveToken)
	mux.HandleFunc("GET /settings/{id}", f.serveSettings)
	mux.HandleFunc("POST /settings/{id}", f.changeSettings)
	mux.Handle("/", f.requireToken(api))
	return mux
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

type environmentJSON struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Language string `json:"language"`
}

type connectionJSON struct {
	ID          string          `json:"id"`
	Status      string          `json:"status"`
	StartDate   string          `json:"start_date"`
	Environment environmentJSON `json:"environment"`
}

// serveConnection answers for an inactive connection too: its status is what
// the caller asks.
func (f *Finbox) serveConnection(w http.ResponseWriter, r *http.Request) {
	f.mu.RLock()
	c, ok := f.connections[r.PathValue("connection_id")]
	var out connectionJSON
	if ok {
		out = connectionJSON{c.ConnectionID, "active", c.StartDate.String(), environmentJSON{c.ID, c.Name, c.Language}}
		if c.Inactive {
			out.Status = "inactive"
		}
	}
	f.mu.RUnlock()
	if !ok {
		writeProblem(w, r, http.StatusNotFound, msgNoConnection)
		return
	}
	body, _ := json.Marshal(out)
	w.Header().Set("Content-Type", "application/json")
	send(w, r, body)
}

// send sends a body with its sum as ETag, or 304 when the caller has it.
func send(w http.ResponseWriter, r *http.Request, body []byte) {
	etag := `"` + sha256Hex(body) + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if noneMatch(r.Header.Values("If-None-Match"), etag) {
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// active finds the connection of the request, or answers 404 or 410. The lock
// is held.
func (f *Finbox) active(w http.ResponseWriter, r *http.Request, id string) (*connection, bool) {
	c, ok := f.connections[id]
	switch {
	case !ok:
		writeProblem(w, r, http.StatusNotFound, msgNoConnection)
	case c.Inactive:
		writeProblem(w, r, http.StatusGone, msgInactive)
	default:
		return c, true
	}
	return nil, false
}

type dossierJSON struct {
	ID                string                   `json:"id"`
	AffiliationNumber string                   `json:"affiliation_number"`
	EnterpriseNumber  balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	Name              string                   `json:"name"`
	UpdatedAt         time.Time                `json:"updated_at"`
}

type pageJSON struct {
	Items any    `json:"items"`
	Next  string `json:"next_page_token,omitempty"`
}

// A pageToken says where a page starts. To callers it is opaque.
type pageToken struct {
	After time.Time `json:"a,omitzero"`  // the created_after of the first call
	Last  position  `json:"l,omitzero"`  // the last balance that was given
	ID    string    `json:"d,omitempty"` // the last dossier that was given
}

func (t pageToken) String() string {
	b, _ := json.Marshal(t)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePageToken(s string) (t pageToken, ok bool) {
	if s == "" {
		return t, true
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return t, false
	}
	return t, json.Unmarshal(b, &t) == nil
}

func (f *Finbox) serveDossiers(w http.ResponseWriter, r *http.Request) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c, ok := f.active(w, r, r.PathValue("connection_id"))
	if !ok {
		return
	}
	token, ok := parsePageToken(r.URL.Query().Get("page_token"))
	if !ok {
		writeProblem(w, r, http.StatusBadRequest, msgBadToken)
		return
	}
	from, found := c.dossier(token.ID)
	if found {
		from++
	}
	to := min(from+f.opt.PageSize, len(c.Dossiers))
	items := make([]dossierJSON, 0, to-from)
	for _, d := range c.Dossiers[from:to] {
		items = append(items, dossierJSON(d))
	}
	page := pageJSON{Items: items}
	if to < len(c.Dossiers) {
		page.Next = pageToken{ID: c.Dossiers[to-1].ID}.String()
	}
	writeJSON(w, page)
}

type fiscalYearJSON struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type balanceJSON struct {
	ID                string                   `json:"id"`
	Revision          string                   `json:"revision"`
	DossierID         string                   `json:"dossier_id"`
	AffiliationNumber string                   `json:"affiliation_number"`
	EnterpriseNumber  balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	DossierName       string                   `json:"dossier_name"`
	FiscalYear        fiscalYearJSON           `json:"fiscal_year"`
	Model             balance.Model            `json:"model"`
	CreatedAt         time.Time                `json:"created_at"`
	MediaTypes        []string                 `json:"media_types"`
	SHA256            string                   `json:"sha256"`
}

// serveListing lists what was created after created_after, that instant left
// out, oldest first. Without created_after it starts at the start date. The
// first page has the tag of the whole listing, whatever part was asked for.
func (f *Finbox) serveListing(w http.ResponseWriter, r *http.Request) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c, ok := f.active(w, r, r.PathValue("connection_id"))
	if !ok {
		return
	}
	token, wrong := listingStart(r.URL.Query(), c.StartDate)
	if wrong != nil {
		writeProblem(w, r, http.StatusBadRequest, wrong)
		return
	}
	if r.URL.Query().Get("page_token") == "" {
		tag := `"` + c.Tag + `"`
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "private, no-cache")
		if noneMatch(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	rest := c.after(token.After, token.Last)
	shown := rest[:min(f.opt.PageSize, len(rest))]
	items := make([]balanceJSON, 0, len(shown))
	for _, l := range shown {
		items = append(items, c.describe(l))
	}
	page := pageJSON{Items: items}
	if len(rest) > len(shown) {
		page.Next = pageToken{After: token.After, Last: shown[len(shown)-1].position}.String()
	}
	writeJSON(w, page)
}

// listingStart says where a page of the listing starts, or what is wrong with
// the question.
func listingStart(query url.Values, start balance.Date) (token pageToken, wrong message) {
	if s := query.Get("page_token"); s != "" {
		token, ok := parsePageToken(s)
		if !ok {
			return token, msgBadToken
		}
		return token, nil
	}
	after := query.Get("created_after")
	if after == "" {
		return pageToken{After: start.In(brussels()).Add(-time.Nanosecond)}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, after)
	if err != nil {
		return token, msgBadTime
	}
	return pageToken{After: t}, nil
}

func (c *connection) describe(l listed) balanceJSON {
	at, _ := c.dossier(l.balance.DossierID)
	d := c.Dossiers[at]
	r := l.balance.Revisions[l.Revision]
	sum, head := r.summary()
	return balanceJSON{
		ID: l.balance.ID, Revision: r.Revision, DossierID: d.ID, AffiliationNumber: d.AffiliationNumber,
		EnterpriseNumber: d.EnterpriseNumber, DossierName: d.Name,
		FiscalYear: fiscalYearJSON{head.year.Start.String(), head.year.End.String()},
		Model:      head.model, CreatedAt: r.CreatedAt, MediaTypes: r.mediaTypes(), SHA256: sum,
	}
}

func (r *revision) mediaTypes() []string {
	types := make([]string, 0, len(r.Layouts))
	for _, l := range r.Layouts {
		if t := MediaType(l); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// serveContent returns a document in the layout that the caller likes best.
func (f *Finbox) serveContent(w http.ResponseWriter, r *http.Request) {
	rev, ok := f.offered(w, r)
	if !ok {
		return
	}
	layout, ok := negotiate(r.Header.Values("Accept"), rev.Layouts)
	if !ok {
		writeProblem(w, r, http.StatusNotAcceptable, msgNotOffered)
		return
	}
	doc, err := rev.document(layout)
	if err != nil {
		writeProblem(w, r, http.StatusInternalServerError, msgNoDocument)
		return
	}
	w.Header().Set("Content-Type", MediaType(layout))
	w.Header().Set("Vary", "Accept")
	send(w, r, doc)
}

// offered finds the revision of the request, or answers 404 or 410.
func (f *Finbox) offered(w http.ResponseWriter, r *http.Request) (*revision, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if b, ok := f.balances[r.PathValue("id")]; ok {
		for _, one := range b.Revisions {
			if one.Revision == r.PathValue("revision") {
				_, ok := f.active(w, r, b.ConnectionID)
				return one, ok
			}
		}
	}
	writeProblem(w, r, http.StatusNotFound, msgNoBalance)
	return nil, false
}

// noneMatch reports whether If-None-Match names the tag (RFC 9110, 13.1.2).
func noneMatch(headers []string, etag string) bool {
	for _, one := range strings.Split(strings.Join(headers, ","), ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == etag {
			return true
		}
	}
	return false
}

// negotiate picks the offered layout that Accept likes best (RFC 9110,
// 12.5.1); among equals, the one offered first.
func negotiate(accept []string, offered []balance.Layout) (balance.Layout, bool) {
	ranges := strings.Join(accept, ",")
	if strings.TrimSpace(ranges) == "" {
		ranges = "*/*"
	}
	best, liking := balance.Layout(""), 0.0
	for _, l := range offered {
		if q := quality(ranges, MediaType(l)); q > liking {
			best, liking = l, q
		}
	}
	return best, liking > 0
}

// quality is how much the ranges like a media type: the most exact range that
// matches decides.
func quality(ranges, mediaType string) float64 {
	q, exact := 0.0, 0
	for _, one := range strings.Split(ranges, ",") {
		name, params, err := mime.ParseMediaType(strings.TrimSpace(one))
		if err != nil {
			continue
		}
		how := 0
		kind, _, _ := strings.Cut(mediaType, "/")
		switch name {
		case mediaType:
			how = 3
		case kind + "/*":
			how = 2
		case "*/*":
			how = 1
		}
		if how <= exact {
			continue
		}
		exact, q = how, 1
		if v, err := strconv.ParseFloat(params["q"], 64); err == nil {
			q = v
		}
	}
	return q
}
