package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/sandbox/faults"
	"balansd/sandbox/finbox"
	"balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// maxOrder bounds the body of one order.
const maxOrder = 16 << 20

// An orderError is an order that cannot be carried out as it was given.
type orderError struct {
	status int
	text   string
}

func (e *orderError) Error() string { return e.text }

// BadOrder returns the error of an order that cannot be carried out as it is
// given.
func BadOrder(format string, args ...any) error {
	return &orderError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// Options say what a Control needs besides the two services.
type Options struct {
	Now     func() time.Time
	Changed func() // called after each order that may have changed something; nil means nothing is called
}

// A Control takes orders over HTTP, as JSON, for whatever a person or another
// program would do in Finbox or Silverfin, and for faults.
//
// It has no sign-in, so it must stay on loopback. A browser's call from
// another page is refused.
type Control struct {
	finbox    *finbox.Finbox
	silverfin *silverfin.Silverfin
	opt       Options
	mux       *http.ServeMux
	orders    []Order
}

// An Order is one thing that a Control does.
type Order struct {
	Method string `json:"method"`
	Path   string `json:"path"` // with names such as {id} for its parts
	What   string `json:"what"` // what it does, in some words
}

// New returns a Control with the orders that concern one service. Add adds
// others.
func New(f *finbox.Finbox, s *silverfin.Silverfin, opt Options) *Control {
	c := &Control{finbox: f, silverfin: s, opt: opt, mux: http.NewServeMux()}
	c.Add("POST /faults", "have a call fail", c.orderFault)
	c.Add("DELETE /faults", "forget the faults of a side", c.orderClearFaults)
	c.Add("POST /latency", "have every call of a side take this long", c.orderLatency)
	c.Add("GET /log", "list the calls of a side", c.orderLog)
	c.Add("DELETE /log", "empty the log of a side", c.orderClearLog)
	c.addFinbox()
	c.addSilverfin()
	return c
}

// Add adds an order: its method and path, what it does in some words, and the
// function that does it. It must not be called while orders are served.
func (c *Control) Add(pattern, what string, do func(*http.Request) (any, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	c.orders = append(c.orders, Order{method, strings.TrimSuffix(path, "{$}"), what})
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, do) })
}

// Orders lists the orders.
func (c *Control) Orders() []Order { return c.orders }

// ServeHTTP carries out the order of a request.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// serve carries out an order and answers with its result.
func (c *Control) serve(w http.ResponseWriter, r *http.Request, do func(*http.Request) (any, error)) {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "orders are not taken from other pages"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
	out, err := do(r)
	if err != nil {
		status := http.StatusConflict
		if bad, ok := errors.AsType[*orderError](err); ok {
			status = bad.status
		} else if errors.Is(err, finbox.ErrNoSuchBalance) || errors.Is(err, finbox.ErrNoSuchConnection) ||
			errors.Is(err, finbox.ErrNoSuchDossier) {
			status = http.StatusNotFound
		}
		writeJSON(w, status, map[string]string{"error": err.Error()})
		return
	}
	if r.Method != http.MethodGet && c.opt.Changed != nil {
		c.opt.Changed()
	}
	if out == nil {
		out = struct{}{}
	}
	writeJSON(w, http.StatusOK, out)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// Read reads an order strictly, so that a mistyped field is noticed. An empty
// body leaves v as it is.
func Read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return BadOrder("the order cannot be read: %v", err)
	}
	return nil
}

// side returns the Injector of the service that an order names.
func (c *Control) side(name string) (*faults.Injector, error) {
	switch name {
	case "finbox":
		return c.finbox.Faults(), nil
	case "silverfin":
		return c.silverfin.Faults(), nil
	default:
		return nil, BadOrder("side is finbox or silverfin, not %.20q", name)
	}
}

func (c *Control) orderFault(r *http.Request) (any, error) {
	var order struct {
		Side string `json:"side"`
		faults.Fault
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	injector, err := c.side(order.Side)
	if err != nil {
		return nil, err
	}
	if err := order.Check(); err != nil {
		return nil, BadOrder("%v", err)
	}
	injector.Add(order.Fault)
	return nil, nil
}

func (c *Control) orderClearFaults(r *http.Request) (any, error) {
	injector, err := c.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	injector.Clear()
	return nil, nil
}

func (c *Control) orderLatency(r *http.Request) (any, error) {
	var order struct {
		Side string `json:"side"`
		MS   int    `json:"ms"`
	}
	if err := Read(r, &order); err != nil {
		return nil, err
	}
	injector, err := c.side(order.Side)
	if err != nil {
		return nil, err
	}
	injector.SetLatency(time.Duration(order.MS) * time.Millisecond)
	return nil, nil
}

func (c *Control) orderLog(r *http.Request) (any, error) {
	injector, err := c.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	calls := injector.Log()
	if calls == nil {
		calls = []faults.Call{}
	}
	return struct {
		Total int64         `json:"total"`
		Calls []faults.Call `json:"calls"`
	}{injector.Total(), calls}, nil
}

func (c *Control) orderClearLog(r *http.Request) (any, error) {
	injector, err := c.side(r.URL.Query().Get("side"))
	if err != nil {
		return nil, err
	}
	injector.ResetLog()
	return nil, nil
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
			return BadOrder("value of %s: %v", cell, err)
		}
		b.Values[cell] = d
	}
	return nil
}

// pathID reads a number from the path.
func pathID(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return 0, BadOrder("%s in the address is a number", name)
	}
	return n, nil
}

// connectionOr returns the connection that an order names, else the first.
func (c *Control) connectionOr(id string) string {
	if all := c.finbox.Environments(); id == "" && len(all) > 0 {
		return all[0].ConnectionID
	}
	return id
}
