package silverfin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxBody = 8 << 20 // of a request to the API, in bytes
	maxPage = 200     // items on a page
)

// A response is a status and what is encoded as JSON; a nil body is sent as
// an empty object.
type response struct {
	status int
	body   any
}

// errorResponse returns an error in the forms that Silverfin uses.
func errorResponse(status int, format string, args ...any) response {
	return response{status, map[string]string{"error": fmt.Sprintf(format, args...)}}
}

func errorsResponse(lines ...string) response {
	return response{http.StatusUnprocessableEntity, map[string][]string{"errors": lines}}
}

func notFound(what string) response { return errorResponse(http.StatusNotFound, "%s not found", what) }

func lockedError(period int64) error {
	return fmt.Errorf("period %d is locked: its data cannot be changed", period)
}

// A call is one authorized call to the API. Its handler runs under the
// lock of the Silverfin.
type call struct {
	r     *http.Request
	token *tokenPair
	firm  *firm
	body  requestBody
	file  []byte // of a form, its content
}

// by names the application and which of its tokens wrote, without the secret.
func (c *call) by(clientID string) string {
	return fmt.Sprintf("app %s token %d", clientID, c.token.ID)
}

func (c *call) id(name string) int64 {
	n, _ := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	return n
}

// A route is one call of the API. A caller needs one of the scopes of each
// group.
type route struct {
	pattern string // method and path below /api/v4/f/{firm}
	scopes  [][]string
	handle  func(*call) response
}

// all asks for every one of the scopes, either for any of them.
func all(scopes ...string) [][]string {
	var groups [][]string
	for _, scope := range scopes {
		groups = append(groups, []string{scope})
	}
	return groups
}

func either(scopes ...string) [][]string { return [][]string{scopes} }

// routes lists what this Silverfin answers.
func (s *Silverfin) routes() http.Handler {
	mux := http.NewServeMux()
	for _, prefix := range []string{"", "/f/{firm}"} {
		mux.HandleFunc("GET "+prefix+"/oauth/authorize", s.authorize)
		mux.HandleFunc("POST "+prefix+"/oauth/authorize", s.decide)
	}
	mux.HandleFunc("POST /f/{firm}/oauth/token", s.token)
	for _, route := range slices.Concat(s.companyRoutes(), s.customRoutes(), s.templateRoutes(), s.documentRoutes(), s.appLinkRoutes()) {
		method, path, _ := strings.Cut(route.pattern, " ")
		mux.Handle(method+" /api/v4/f/{firm}"+path, s.serve(route))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusNotFound, map[string]string{"error": "Not found"})
	})
	return mux
}

// serve reads the request, checks token, firm and scope, in this order, and
// lets the route answer.
func (s *Silverfin) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := &call{r: r}
		trouble := call.read(w)
		answer := s.answer(route, call, trouble)
		if answer.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="Doorkeeper", error="invalid_token"`)
		}
		answerJSON(w, answer.status, answer.body)
	})
}

func (s *Silverfin) answer(route route, call *call, trouble error) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.token = s.use(accessToken(call.r))
	if call.token == nil {
		return response{http.StatusUnauthorized, map[string]string{
			"error": "invalid_token", "error_description": "The access token is invalid or has expired"}}
	}
	call.firm = s.index.firms[call.id("firm")]
	if call.firm == nil || call.firm.ID != call.token.Firm {
		return notFound("Firm")
	}
	for _, group := range route.scopes {
		if !slices.ContainsFunc(group, func(scope string) bool { return slices.Contains(call.token.Scopes, scope) }) {
			return errorResponse(http.StatusForbidden, "Access to this resource requires scope %q", strings.Join(group, " or "))
		}
	}
	if trouble != nil {
		return errorResponse(http.StatusBadRequest, "The request could not be read")
	}
	return route.handle(call)
}

// accessToken returns the token of the Authorization header.
func accessToken(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// A requestBody holds the parameters of a request by name, each as JSON.
type requestBody map[string]json.RawMessage

// text returns a parameter as text; numbers and truth values count.
func (b requestBody) text(name string) string {
	value := string(b[name])
	if value == "null" {
		return ""
	}
	return plain(value)
}

// read reads the JSON body before anything is locked.
func (c *call) read(w http.ResponseWriter) error {
	if c.r.Method == http.MethodGet {
		return nil
	}
	c.r.Body = http.MaxBytesReader(w, c.r.Body, maxBody)
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/form-data") {
		return c.readForm()
	}
	data, err := io.ReadAll(c.r.Body)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		c.body = requestBody{}
		return nil
	}
	return json.Unmarshal(data, &c.body)
}

// readForm reads a form with at most one file.
func (c *call) readForm() error {
	if err := c.r.ParseMultipartForm(maxBody); err != nil {
		return err
	}
	c.body = requestBody{}
	for name, values := range c.r.MultipartForm.Value {
		value, err := json.Marshal(values[0])
		if err != nil {
			return err
		}
		c.body[name] = value
	}
	file, _, err := c.r.FormFile("content")
	if err != nil {
		return nil // a form without a file
	}
	defer func() { _ = file.Close() }()
	c.file, err = io.ReadAll(file)
	return err
}

// pageOf cuts the page that the request asks for: page from 1, per_page 200
// unless told, and never more than that.
func pageOf[T any](r *http.Request, items []T) []T {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	page, size := number("page", 1), min(number("per_page", maxPage), maxPage)
	if page > len(items)/size+1 {
		return []T{}
	}
	from := (page - 1) * size
	return append([]T{}, items[from:min(from+size, len(items))]...)
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		body = struct{}{}
	}
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
