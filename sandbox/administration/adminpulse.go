package administration

import (
	"net/http"
	"strconv"
	"strings"
)

// relations lists the clients as AdminPulse does: pages from zero, at most 400 on one.
func (s *Services) relations(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+AdminPulseKey {
		refuse(w, http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	page, err := strconv.Atoi(q.Get("page"))
	size, bad := strconv.Atoi(q.Get("pageSize"))
	if err != nil || bad != nil || page < 0 || size < 1 || size > mostRelations {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	results := []any{}
	for i := page * size; i < min((page+1)*size, len(s.clients)); i++ {
		results = append(results, relation(s.clients[i]))
	}
	answer(w, http.StatusOK, map[string]any{"results": results, "pageCount": (len(s.clients) + size - 1) / size})
}

// relation is a client in AdminPulse. id, uniqueIdentifier, name, code and vatNumber are
// public; the names of address, directors and general meeting are made up.
func relation(c Client) map[string]any {
	directors := []any{}
	for _, d := range c.Directors {
		directors = append(directors, map[string]any{"firstName": d.FirstName, "lastName": d.LastName, "function": d.Function})
	}
	vat := ""
	if c.Number != "" {
		vat = "BE" + string(c.Number)
	}
	return map[string]any{"id": c.Reference, "uniqueIdentifier": "rel-" + c.Reference, "code": strings.ToUpper(c.Reference), "name": c.Name, "commercialName": nil, "vatNumber": vat,
		"address":   map[string]any{"street": c.Street, "houseNumber": c.House, "box": c.Box, "postalCode": c.PostalCode, "city": c.City, "countryCode": "BE"},
		"legalForm": c.LegalForm, "directors": directors, "generalMeetingDate": c.Meeting}
}
