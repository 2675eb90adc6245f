package sandbox

import (
	"net/http"
	"time"

	"balansd/balance"
	"balansd/sandbox/administration"
	"balansd/sandbox/control"
)

// newControl returns the control endpoint, with the orders that concern both
// services.
func (s *Sandbox) newControl() *control.Control {
	c := control.New(s.Finbox, s.Silverfin, control.Options{Now: s.opt.Now, Changed: s.changed})
	c.Add("GET /{$}", "say where everything is, and list the orders", func(*http.Request) (any, error) {
		return struct {
			Info
			Orders []control.Order `json:"orders"`
		}{s.Info(), c.Orders()}, nil
	})
	c.Add("POST /fill", "add many made-up dossiers, companies and balances", s.orderFill)
	c.Add("POST /finbox/fill", "add many made-up dossiers, companies and balances", s.orderFill)
	c.Add("POST /silverfin/fill", "add many made-up companies to the first firm", func(r *http.Request) (any, error) {
		var order struct {
			Companies int `json:"companies"`
			Year      int `json:"year"`
		}
		if err := control.Read(r, &order); err != nil {
			return nil, err
		}
		if order.Companies < 0 || order.Companies > 100_000 {
			return nil, control.BadOrder("companies are from 0 to 100000")
		}
		return nil, s.FillWith(FillOptions{Companies: order.Companies, Year: order.Year})
	})
	c.Add("POST /demo", "add the dossiers of the demo, in every situation", func(*http.Request) (any, error) { return s.Demo() })
	c.Add("GET /administration", "say where AdminPulse, Adsolut and the National Bank are", func(*http.Request) (any, error) { return s.Info().Administration, nil })
	c.Add("POST /administration/clients", "replace the clients that they know", func(r *http.Request) (any, error) {
		var clients []administration.Client
		if err := control.Read(r, &clients); err != nil {
			return nil, err
		}
		s.Administration.SetClients(clients...)
		return nil, nil
	})
	c.Add("POST /templates", "add a firm with a made-up template of a kind, and dossiers in which it was filled in by hand", s.orderTemplate)
	return c
}

// orderFill takes {"dossiers": n}, and optionally less of one side.
func (s *Sandbox) orderFill(r *http.Request) (any, error) {
	var order struct {
		Dossiers  int           `json:"dossiers"`
		Companies *int          `json:"companies"` // left out: as many as dossiers
		Balances  *int          `json:"balances"`  // left out: as many as dossiers
		Model     balance.Model `json:"model"`
		Year      int           `json:"year"`
		CreatedAt time.Time     `json:"created_at"`
	}
	if err := control.Read(r, &order); err != nil {
		return nil, err
	}
	o := FillOptions{Dossiers: order.Dossiers, Companies: order.Dossiers, Balances: order.Dossiers,
		Model: order.Model, Year: order.Year, CreatedAt: order.CreatedAt}
	if order.Companies != nil {
		o.Companies = *order.Companies
	}
	if order.Balances != nil {
		o.Balances = *order.Balances
	}
	if o.Dossiers < 0 || o.Companies < 0 || o.Dossiers+o.Companies > 200_000 {
		return nil, control.BadOrder("dossiers and companies are from 0 to 100000")
	}
	return nil, s.FillWith(o)
}
