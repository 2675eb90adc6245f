package control

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"balansd/balance"
	"balansd/sandbox/finbox"
)

// addFinbox adds what people and the payroll bureau do in Finbox.
func (c *Control) addFinbox() {
	c.Add("GET /finbox/connections", "list the connections", func(*http.Request) (any, error) { return c.finbox.Environments(), nil })
	c.Add("POST /finbox/connections", "add an environment with a connection", c.orderConnection)
	c.Add("POST /finbox/connections/{id}/activate", "activate the external connection", func(r *http.Request) (any, error) {
		return nil, c.finbox.Activate(r.PathValue("id"))
	})
	c.Add("POST /finbox/connections/{id}/deactivate", "deactivate the external connection", func(r *http.Request) (any, error) {
		return nil, c.finbox.Deactivate(r.PathValue("id"))
	})
	c.Add("POST /finbox/connections/{id}/dossiers", "add a dossier", c.orderDossier)
	c.Add("POST /finbox/balances", "add a social balance, and its dossier where none is named", c.orderBalance)
	c.Add("POST /finbox/balances/{id}/correct", "correct a balance: a new revision", c.orderCorrect)
	c.Add("POST /finbox/balances/{id}/list-twice", "list a balance twice", func(r *http.Request) (any, error) {
		return nil, c.finbox.ListTwice(r.PathValue("id"))
	})
	c.Add("POST /finbox/balances/{id}/content", "give a balance another document: the body", func(r *http.Request) (any, error) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, BadOrder("the document is too big")
		}
		return nil, c.finbox.SetContent(r.PathValue("id"), raw)
	})
	c.Add("POST /finbox/keys", "register a public key or certificate, in PEM form", func(r *http.Request) (any, error) {
		pem, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, BadOrder("the key is too big")
		}
		if err := c.finbox.RegisterKey(pem); err != nil {
			return nil, BadOrder("%v", err)
		}
		return nil, nil
	})
	c.Add("POST /finbox/tokens/expire", "have all access tokens of Finbox expire now", func(*http.Request) (any, error) {
		c.finbox.ExpireTokens()
		return nil, nil
	})
}

func (c *Control) orderConnection(r *http.Request) (any, error) {
	var e finbox.Environment
	if err := Read(r, &e); err != nil {
		return nil, err
	}
	return map[string]string{"connection_id": c.finbox.AddConnection(e)}, nil
}

func (c *Control) orderDossier(r *http.Request) (any, error) {
	var d finbox.Dossier
	if err := Read(r, &d); err != nil {
		return nil, err
	}
	id, err := c.finbox.AddDossier(r.PathValue("id"), d)
	return map[string]string{"id": id}, err
}

// orderBalance adds a made-up balance with the figures that the order names in
// place of the made-up ones. Without a dossier id it makes the dossier.
func (c *Control) orderBalance(r *http.Request) (any, error) {
	var order struct {
		ConnectionID string           `json:"connection_id"` // empty: the first
		DossierID    string           `json:"dossier_id"`    // empty: Dossier is added
		Dossier      finbox.Dossier   `json:"dossier"`
		Seed         int64            `json:"seed"`
		Model        balance.Model    `json:"model"` // empty: abbreviated
		Year         int              `json:"year"`  // 0: the calendar year before now
		Values       figures          `json:"values"`
		OnlyValues   bool             `json:"only_values"` // no made-up figures at all
		Layouts      []balance.Layout `json:"layouts"`
		CreatedAt    time.Time        `json:"created_at"`
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	for _, l := range order.Layouts {
		if finbox.MediaType(l) == "" {
			return nil, BadOrder("layout %.20q is unknown", l)
		}
	}
	connectionID := c.connectionOr(order.ConnectionID)
	made := finbox.Recipe{Seed: order.Seed, Model: cmp.Or(order.Model, balance.Abbreviated),
		Year: cmp.Or(order.Year, c.opt.Now().Year()-1)}
	b := made.Make()
	if order.DossierID == "" {
		order.Dossier.Name = cmp.Or(order.Dossier.Name, b.Name)
		order.Dossier.EnterpriseNumber = cmp.Or(order.Dossier.EnterpriseNumber, b.EnterpriseNumber)
		b.Name, b.EnterpriseNumber = order.Dossier.Name, order.Dossier.EnterpriseNumber
	} else {
		d, err := c.finbox.Dossier(connectionID, order.DossierID)
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
		id, err := c.finbox.AddDossier(connectionID, order.Dossier)
		if err != nil {
			return nil, err
		}
		order.DossierID = id
	}
	id, rev, err := c.finbox.AddBalance(finbox.NewBalance{
		ConnectionID: connectionID, DossierID: order.DossierID, Balance: b,
		Layouts: order.Layouts, CreatedAt: order.CreatedAt,
	})
	return map[string]string{"id": id, "revision": rev, "dossier_id": order.DossierID}, err
}

// orderCorrect adds a revision in which the named values are other ones.
func (c *Control) orderCorrect(r *http.Request) (any, error) {
	var order struct {
		Values figures `json:"values"`
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	if err := order.Values.on(&balance.Balance{}); err != nil {
		return nil, err
	}
	rev, err := c.finbox.CorrectFrom(r.PathValue("id"), func(b *balance.Balance) *balance.Balance {
		_ = order.Values.on(b) // read above
		return b
	})
	return map[string]string{"id": r.PathValue("id"), "revision": rev}, err
}
