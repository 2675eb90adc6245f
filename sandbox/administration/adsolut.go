package administration

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// authorize allows every sign-in at once, and sends the browser back with a code.
func (s *Services) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != AdsolutClient || q.Get("response_type") != "code" || !strings.Contains(q.Get("scope"), "WK.BE.Administrations") {
		refuse(w, http.StatusBadRequest)
		return
	}
	code := rand.Text()
	s.mu.Lock()
	s.codes[code] = q.Get("code_challenge")
	s.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token exchanges a code or a refresh token, each of which works once.
func (s *Services) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("client_id") != AdsolutClient || r.PostForm.Get("client_secret") != AdsolutSecret {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code, refresh := r.PostForm.Get("code"), r.PostForm.Get("refresh_token")
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	challenge, known := s.codes[code]
	switch kind := r.PostForm.Get("grant_type"); {
	case kind == "authorization_code" && known && challenge == base64.RawURLEncoding.EncodeToString(sum[:]):
		delete(s.codes, code)
	case kind == "refresh_token" && s.refresh[refresh]:
		if !s.options.KeepRefresh {
			delete(s.refresh, refresh)
		}
	default:
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	reply := map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(tokenLife.Seconds())}
	s.access[reply["access_token"].(string)] = s.options.Now().Add(tokenLife)
	if refresh == "" || !s.options.KeepRefresh {
		next := rand.Text()
		s.refresh[next] = true
		reply["refresh_token"] = next
	}
	answer(w, http.StatusOK, reply)
}

// RevokeAccess ends all access tokens of Adsolut, and with refresh the sign-in as well.
func (s *Services) RevokeAccess(refresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
	if refresh {
		clear(s.refresh)
	}
}

// signedIn reports whether a call has an access token of Adsolut.
func (s *Services) signedIn(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && s.options.Now().Before(s.access[token])
}

// administrations lists the clients as Adsolut does. id, name, code, vatNumber and an
// address are public; the names within the address, and page as the parameter of a page,
// are made up.
func (s *Services) administrations(w http.ResponseWriter, r *http.Request) {
	if !s.signedIn(r) {
		refuse(w, http.StatusUnauthorized)
		return
	}
	page := 1
	if text := r.URL.Query().Get("page"); text != "" {
		page, _ = strconv.Atoi(text)
	}
	if page < 1 {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for i := (page - 1) * adsolutPageItems; i < min(page*adsolutPageItems, len(s.clients)); i++ {
		c := s.clients[i]
		items = append(items, map[string]any{"id": "6f1c0000-0000-4000-8000-" + c.Reference, "name": c.Name, "code": c.Reference, "vatNumber": string(c.Number),
			"address": map[string]any{"street": c.Street, "houseNumber": c.House, "box": c.Box, "zipCode": c.PostalCode, "city": c.City, "country": "BE"}})
	}
	answer(w, http.StatusOK, map[string]any{"items": items, "currentPage": page, "totalPages": max(1, (len(s.clients)+adsolutPageItems-1)/adsolutPageItems), "totalItems": len(s.clients)})
}

// integration counts what a client must never call.
func (s *Services) integration(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.integrations++
	w.WriteHeader(http.StatusNoContent)
}
