package sandbox

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"balansd/balance"
)

// finboxOrders adds what people and the payroll bureau do in Finbox.
func (s *Sandbox) finboxOrders(on ordering) {
	on("POST /finbox/fill", "add many made-up dossiers, companies and balances", s.orderFill)
	on("GET /finbox/connections", "list the connections", func(*http.Request) (any, error) { return s.Finbox.Environments(), nil })
	on("POST /finbox/connections", "add an environment with a connection", s.orderConnection)
	on("POST /finbox/connections/{id}/activate", "activate the external connection", func(r *http.Request) (any, error) {
		return nil, s.Finbox.Activate(r.PathValue("id"))
	})
	on("POST /finbox/connections/{id}/deactivate", "deactivate the external connection", func(r *http.Request) (any, error) {
		return nil, s.Finbox.Deactivate(r.PathValue("id"))
	})
	on("POST /finbox/connections/{id}/dossiers", "add a dossier", s.orderDossier)
	on("POST /finbox/balances", "add a social balance, and its dossier where none is named", s.orderBalance)
	on("POST /finbox/balances/{id}/correct", "correct a balance: a new revision", s.orderCorrect)
	on("POST /finbox/balances/{id}/list-twice", "list a balance twice", func(r *http.Request) (any, error) {
		return nil, s.Finbox.ListTwice(r.PathValue("id"))
	})
	on("POST /finbox/balances/{id}/content", "give a balance another document: the body", func(r *http.Request) (any, error) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, badOrder("the document is too big")
		}
		return nil, s.Finbox.SetContent(r.PathValue("id"), raw)
	})
	on("POST /finbox/keys", "register a public key or certificate, in PEM form", func(r *http.Request) (any, error) {
		pem, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, badOrder("the key is too big")
		}
		if err := s.Finbox.RegisterKey(pem); err != nil {
			return nil, badOrder("%v", err)
		}
		return nil, nil
	})
	on("POST /finbox/tokens/expire", "have all access tokens of Finbox expire now", func(*http.Request) (any, error) {
		s.Finbox.ExpireTokens()
		return nil, nil
	})
}

func (s *Sandbox) orderConnection(r *http.Request) (any, error) {
	var e Environment
	if err := read(r, &e); err != nil {
		return nil, err
	}
	return map[string]string{"connection_id": s.Finbox.AddConnection(e)}, nil
}

func (s *Sandbox) orderDossier(r *http.Request) (any, error) {
	var d Dossier
	if err := read(r, &d); err != nil {
		return nil, err
	}
	id, err := s.Finbox.AddDossier(r.PathValue("id"), d)
	return map[string]string{"id": id}, err
}

// orderBalance adds a made-up balance with the figures that the order names in
// place of the made-up ones. Without a dossier id it makes the dossier.
func (s *Sandbox) orderBalance(r *http.Request) (any, error) {
	var order struct {
		ConnectionID string           `json:"connection_id"` // empty: the first
		DossierID    string           `json:"dossier_id"`    // empty: Dossier is added
		Dossier      Dossier          `json:"dossier"`
		Seed         int64            `json:"seed"`
		Model        balance.Model    `json:"model"` // empty: abbreviated
		Year         int              `json:"year"`  // 0: the calendar year before now
		Values       figures          `json:"values"`
		OnlyValues   bool             `json:"only_values"` // no made-up figures at all
		Layouts      []balance.Layout `json:"layouts"`
		CreatedAt    time.Time        `json:"created_at"`
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	for _, l := range order.Layouts {
		if MediaType(l) == "" {
			return nil, badOrder("layout %.20q is unknown", l)
		}
	}
	connectionID := s.connectionOr(order.ConnectionID)
	made := Recipe{Seed: order.Seed, Model: cmp.Or(order.Model, balance.Abbreviated),
		Year: cmp.Or(order.Year, s.opt.Now().Year()-1)}
	b := made.Make()
	if order.DossierID == "" {
		order.Dossier.Name = cmp.Or(order.Dossier.Name, b.Name)
		order.Dossier.EnterpriseNumber = cmp.Or(order.Dossier.EnterpriseNumber, b.EnterpriseNumber)
		b.Name, b.EnterpriseNumber = order.Dossier.Name, order.Dossier.EnterpriseNumber
	} else {
		d, err := s.Finbox.Dossier(connectionID, order.DossierID)
		if err != nil {
			return nil, err
		}
		b.Name, b.EnterpriseNumber = d.Name, cmp.Or(d.EnterpriseNumber, b.EnterpriseNumber)
	}
	if order.OnlyValues {
		b.Values = balance.Values{}
	}
	if err := order.Values.on(b); err != nil {
		return nil, err
	}
	if order.DossierID == "" {
		id, err := s.Finbox.AddDossier(connectionID, order.Dossier)
		if err != nil {
			return nil, err
		}
		order.DossierID = id
	}
	id, rev, err := s.Finbox.AddBalance(NewBalance{
		ConnectionID: connectionID, DossierID: order.DossierID, Balance: b,
		Layouts: order.Layouts, CreatedAt: order.CreatedAt,
	})
	return map[string]string{"id": id, "revision": rev, "dossier_id": order.DossierID}, err
}

// orderCorrect adds a revision in which the named values are other ones.
func (s *Sandbox) orderCorrect(r *http.Request) (any, error) {
	var order struct {
		Values figures `json:"values"`
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	if err := order.Values.on(&balance.Balance{}); err != nil {
		return nil, err
	}
	rev, err := s.Finbox.CorrectFrom(r.PathValue("id"), func(b *balance.Balance) *balance.Balance {
		_ = order.Values.on(b) // read above
		return b
	})
	return map[string]string{"id": r.PathValue("id"), "revision": rev}, err
}
