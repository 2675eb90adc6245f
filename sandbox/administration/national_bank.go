package administration

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"balansd/balance"
)

// admitted checks the headers that the National Bank wants.
func admitted(w http.ResponseWriter, r *http.Request, accept string) bool {
	switch {
	case r.Header.Get("NBB-CBSO-Subscription-Key") != NationalBankKey:
		refuse(w, http.StatusUnauthorized)
	case r.Header.Get("X-Request-Id") == "":
		refuse(w, http.StatusBadRequest)
	case strings.HasPrefix(r.UserAgent(), "Go-http-client"):
		refuse(w, http.StatusForbidden)
	case r.Header.Get("Accept") != accept:
		refuse(w, http.StatusUnsupportedMediaType)
	default:
		return true
	}
	return false
}

// references lists the deposits of an enterprise. The names of the address and of most
// members besides EnterpriseName and ExerciseDates are made up.
func (s *Services) references(w http.ResponseWriter, r *http.Request) {
	if !admitted(w, r, "application/json") {
		return
	}
	number, err := balance.ParseEnterpriseNumber(r.PathValue("number"))
	if err != nil || string(number) != r.PathValue("number") {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.clients, func(c Client) bool { return c.Number == number })
	if i < 0 || len(s.clients[i].Deposits) == 0 {
		refuse(w, http.StatusNotFound)
		return
	}
	list := []any{}
	if again := s.asked[number]; again || !s.options.FalseEmpty {
		for _, d := range s.clients[i].Deposits {
			list = append(list, reference(s.clients[i], d))
		}
	}
	s.asked[number] = true
	answer(w, http.StatusOK, list)
}

func reference(c Client, d Deposit) map[string]any {
	return map[string]any{"ReferenceNumber": d.Reference, "DepositDate": d.Filed, "ModelType": "m02-f", "DepositType": "Initial", "Currency": "EUR",
		"EnterpriseNumber": string(c.Number), "EnterpriseName": c.Name, "LegalForm": c.LegalForm,
		"ExerciseDates": map[string]any{"startDate": d.Balance.FiscalYear.Start.String(), "endDate": d.Balance.FiscalYear.End.String()},
		"Address":       map[string]any{"Street": c.Street, "Number": c.House, "Box": c.Box, "PostalCode": "pcd:" + c.PostalCode, "City": c.City, "CountryCode": "BE"}}
}

// accountingData gives the figures of a deposit, with those who have a mandate.
func (s *Services) accountingData(w http.ResponseWriter, r *http.Request) {
	if !admitted(w, r, "application/x.jsonxbrl") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		for _, d := range c.Deposits {
			if d.Reference != r.PathValue("reference") || d.Gone {
				continue
			}
			text, err := balance.Write(balance.NBBJSON, d.Balance)
			var whole map[string]any
			if err != nil || json.Unmarshal(text, &whole) != nil {
				refuse(w, http.StatusInternalServerError)
				return
			}
			whole["Administrators"] = map[string]any{"NaturalPersons": naturalPersons(c), "LegalPersons": []any{}}
			answer(w, http.StatusOK, whole)
			return
		}
	}
	refuse(w, http.StatusNotFound)
}

// naturalPersons are people as a filing has them. FirstName and LastName are made up names.
func naturalPersons(c Client) []any {
	people := []any{}
	for _, d := range c.Directors {
		people = append(people, map[string]any{"Person": map[string]any{"FirstName": d.FirstName, "LastName": d.LastName},
			"Mandates": []any{map[string]any{"FunctionMandate": d.Function, "MandateDates": map[string]any{"StartDate": d.From, "EndDate": d.Until}}}})
	}
	return people
}
