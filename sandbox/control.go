package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// maxOrder bounds the body of one order.
const maxOrder = 16 << 20

// An orderError is a fault in an order: the caller asked for something that
// cannot be.
type orderError struct {
	status int
	text   string
}

func (e *orderError) Error() string { return e.text }

func badOrder(format string, args ...any) error {
	return &orderError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// Control gives the control endpoint: orders over HTTP, as JSON, for whatever
// a person or another program would do in Finbox or Silverfin, and for faults.
// GET / lists them.
//
// It has no sign-in, so it must stay on loopback. A browser's call from
// another page is refused.
func (s *Sandbox) Control() http.Handler {
	mux := http.NewServeMux()
	var orders []Order
	on := func(pattern, what string, do func(*http.Request) (any, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		orders = append(orders, Order{method, strings.TrimSuffix(path, "{$}"), what})
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.obey(w, r, do) })
	}
	on("GET /{$}", "say where everything is, and list the orders", func(*http.Request) (any, error) {
		return struct {
			Info
			Orders []Order `json:"orders"`
		}{s.Info(), orders}, nil
	})
	on("POST /fill", "add many made-up dossiers, companies and balances", s.orderFill)
	on("POST /demo", "add the dossiers of the demo, in every situation", func(*http.Request) (any, error) { return s.Demo() })
	on("POST /faults", "have a call fail", s.orderFault)
	on("DELETE /faults", "forget the faults of a side", s.orderNoFaults)
	on("POST /latency", "have every call of a side take this long", s.orderLatency)
	on("GET /log", "list the calls of a side", s.orderLog)
	on("DELETE /log", "empty the log of a side", s.orderNoLog)
	s.finboxOrders(on)
	s.silverfinOrders(on)
	return mux
}

// An Order is one thing that the control endpoint does.
type Order struct {
	Method string `json:"method"`
	Path   string `json:"path"` // with names such as {id} for its parts
	What   string `json:"what"` // what it does, in some words
}

// An ordering adds an order to the control endpoint: its method and path, what
// it does in some words, and the function that does it.
type ordering func(pattern, what string, do func(*http.Request) (any, error))

// obey carries out an order and says what came of it.
func (s *Sandbox) obey(w http.ResponseWriter, r *http.Request, do func(*http.Request) (any, error)) {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		sayOrder(w, http.StatusForbidden, map[string]string{"error": "orders are not taken from other pages"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
	out, err := do(r)
	if err != nil {
		status := http.StatusConflict
		if bad, ok := errors.AsType[*orderError](err); ok {
			status = bad.status
		} else if errors.Is(err, ErrNoSuchBalance) || errors.Is(err, ErrNoSuchConnection) || errors.Is(err, ErrNoSuchDossier) {
			status = http.StatusNotFound
		}
		sayOrder(w, status, map[string]string{"error": err.Error()})
		return
	}
	if r.Method != http.MethodGet && s.keeper != nil {
		s.keeper.changed()
	}
	if out == nil {
		out = struct{}{}
	}
	sayOrder(w, http.StatusOK, out)
}

func sayOrder(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// read reads an order strictly, so that a mistyped field is noticed. An empty
// body leaves v as it is.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return badOrder("the order cannot be read: %v", err)
	}
	return nil
}

// side gives the faults of the simulator that an order names.
func (s *Sandbox) side(name string) (*Faults, error) {
	switch name {
	case "finbox":
		return s.Finbox.Faults(), nil
	case "silverfin":
		return s.Silverfin.Faults(), nil
	default:
		return nil, badOrder("side is finbox or silverfin, not %.20q", name)
	}
}

func (s *Sandbox) orderFault(r *http.Request) (any, error) {
	var order struct {
		Side string `json:"side"`
		Fault
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	faults, err := s.side(order.Side)
	if err != nil {
		return nil, err
	}
	if err := order.Check(); err != nil {
		return nil, badOrder("%v", err)
	}
	faults.Add(order.Fault)
	return nil, nil
}

func (s *Sandbox) orderNoFaults(r *http.Request) (any, error) {
	faults, err := s.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	faults.Clear()
	return nil, nil
}

func (s *Sandbox) orderLatency(r *http.Request) (any, error) {
	var order struct {
		Side string `json:"side"`
		MS   int    `json:"ms"`
	}
	if err := read(r, &order); err != nil {
		return nil, err
	}
	faults, err := s.side(order.Side)
	if err != nil {
		return nil, err
	}
	faults.SetLatency(time.Duration(order.MS) * time.Millisecond)
	return nil, nil
}

func (s *Sandbox) orderLog(r *http.Request) (any, error) {
	faults, err := s.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	calls := faults.Log()
	if calls == nil {
		calls = []Call{}
	}
	return struct {
		Total int64  `json:"total"`
		Calls []Call `json:"calls"`
	}{faults.Total(), calls}, nil
}

func (s *Sandbox) orderNoLog(r *http.Request) (any, error) {
	faults, err := s.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	faults.ResetLog()
	return nil, nil
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
	if err := read(r, &order); err != nil {
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
		return nil, badOrder("dossiers and companies are from 0 to 100000")
	}
	return nil, s.FillWith(o)
}

// figures are rubric codes and values in an order; an empty value empties the
// cell.
type figures map[balance.Cell]string

// on changes a balance as the order says.
func (f figures) on(b *balance.Balance) error {
	if b.Values == nil {
		b.Values = balance.Values{}
	}
	for cell, text := range f {
		if text == "" {
			delete(b.Values, cell)
			continue
		}
		var d decimal.Decimal
		d, err := balance.ParseDecimal(text)
		if err != nil {
			return badOrder("value of %s: %v", cell, err)
		}
		b.Values[cell] = d
	}
	return nil
}

// pathID reads a number from the path.
func pathID(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return 0, badOrder("%s in the address is a number", name)
	}
	return n, nil
}

// connectionOr gives the connection that an order names, else the first.
func (s *Sandbox) connectionOr(id string) string {
	return cmp.Or(id, s.Info().Finbox.ConnectionID)
}
