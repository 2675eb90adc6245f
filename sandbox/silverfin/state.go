package silverfin

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"balansd/balance"
)

// state is everything that a Silverfin knows, in the form in which it is
// saved. Properties and writers are kept once and referred to by number,
// because ten thousand files hold the same few hundred names.
type state struct {
	Next       map[string]int64   `json:"next,omitempty"`
	Firms      []*firm            `json:"firms,omitempty"`
	Companies  map[int64]*company `json:"companies,omitempty"`
	Properties []Property         `json:"properties,omitempty"`
	Writers    []string           `json:"writers,omitempty"`
	Writes     []writeRecord      `json:"writes,omitempty"`
	// CompanyWrites are the changes of companies themselves, such as of their names.
	CompanyWrites []CompanyWrite `json:"company_writes,omitempty"`
	Codes         []*authCode    `json:"codes,omitempty"`
	Tokens        []*tokenPair   `json:"tokens,omitempty"`
	AppLinks      []AppLink      `json:"app_links,omitempty"`
	User          string         `json:"user,omitempty"` // who makes the calls; see SetUser
}

type firm struct {
	ID        int64                                `json:"id"`
	Name      string                               `json:"name"`
	Companies []int64                              `json:"companies,omitempty"`
	Workflows []firmWorkflow                       `json:"workflows,omitempty"`
	Templates map[string][]*reconciliationTemplate `json:"templates,omitempty"`  // by kind; only reconciliations
	ResultLag int                                  `json:"result_lag,omitempty"` // see SetResultLag
}

type firmWorkflow struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type company struct {
	Company
	FirmID          int64            `json:"firm_id"`
	Created         time.Time        `json:"created"`
	Archived        bool             `json:"archived,omitempty"`
	Periods         []*period        `json:"periods,omitempty"` // newest first
	Workflows       []workflow       `json:"workflows,omitempty"`
	Reconciliations []reconciliation `json:"reconciliations,omitempty"`
	Custom          customValues     `json:"custom,omitempty"`
	Documents       []Document       `json:"documents,omitempty"`
	People          []CompanyPerson  `json:"people,omitempty"`
}

type period struct {
	ID              int64                           `json:"id"`
	FiscalYear      balance.Period                  `json:"fiscal_year"`
	End             balance.Date                    `json:"end"`
	Public          bool                            `json:"public,omitempty"`
	Locked          bool                            `json:"locked,omitempty"`
	Open            []openWorkflow                  `json:"open,omitempty"`
	Custom          customValues                    `json:"custom,omitempty"`
	Reconciliations map[int64]*filledReconciliation `json:"reconciliations,omitempty"` // what differs from an untouched one
}

// A workflow is a workflow that was added to a file; its id is the same in
// every period.
type workflow struct {
	ID           int64 `json:"id"`
	FirmWorkflow int64 `json:"firm_workflow"`
}

type openWorkflow struct {
	ID       int64 `json:"id"`
	Archived bool  `json:"archived,omitempty"`
}

// A reconciliation is a template in a file; its id is the same in every
// period.
type reconciliation struct {
	ID        int64  `json:"id"`
	Template  int64  `json:"template"`
	Handle    string `json:"handle"`
	Workflow  string `json:"workflow,omitempty"`
	Unstarred bool   `json:"unstarred,omitempty"`
}

// filledReconciliation is what one period holds of one reconciliation.
type filledReconciliation struct {
	Custom customValues `json:"custom,omitempty"`
	// What the API still shows of the results while they lag, and how many calls saw it.
	Results map[string]any `json:"results,omitempty"`
	Seen    int            `json:"seen,omitempty"`
}

// A reconciliationTemplate is a template of the firm with the attributes that
// the API has.
type reconciliationTemplate struct {
	ID         int64          `json:"id"`
	Hidden     bool           `json:"hidden,omitempty"` // the code is not shown
	Attributes map[string]any `json:"attributes"`
}

// A Property names one custom property.
type Property struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

// String writes the property as the code of a template does: NAMESPACE.KEY.
func (p Property) String() string { return p.Namespace + "." + p.Key }

// customValues holds custom properties by the number of the property. A value is
// JSON text: a string or an object.
type customValues map[int]string

type writeRecord struct {
	At             int64  `json:"at"` // nanoseconds since 1970, UTC
	Company        int64  `json:"company"`
	Period         int64  `json:"period,omitempty"`
	Reconciliation int64  `json:"reconciliation,omitempty"`
	Property       int    `json:"property"`
	Writer         int    `json:"writer"`
	Old            string `json:"old,omitempty"`
	New            string `json:"new,omitempty"`
}

// An index finds objects in a state. It is never saved.
type index struct {
	firms      map[int64]*firm
	properties map[Property]int
	writers    map[string]int
	codes      map[string]*authCode
	access     map[string]*tokenPair
	refresh    map[string]*tokenPair
}

func (x *index) rebuild(st *state) {
	if st.Next == nil {
		st.Next = map[string]int64{}
	}
	if st.Companies == nil {
		st.Companies = map[int64]*company{}
	}
	*x = index{
		firms: map[int64]*firm{}, properties: map[Property]int{}, writers: map[string]int{},
		codes: map[string]*authCode{}, access: map[string]*tokenPair{}, refresh: map[string]*tokenPair{},
	}
	for _, f := range st.Firms {
		x.firms[f.ID] = f
	}
	for i, p := range st.Properties {
		x.properties[p] = i
	}
	for i, w := range st.Writers {
		x.writers[w] = i
	}
	for _, c := range st.Codes {
		x.codes[c.Code] = c
	}
	for _, t := range st.Tokens {
		x.access[t.Access], x.refresh[t.Refresh] = t, t
	}
}

// Where the ids of each kind begin. The ranges are apart so that a client that
// mixes up two ids meets a 404 instead of another object.
var firstIDs = map[string]int64{
	"firm": 1001, "template": 4001, "firm_workflow": 6001, "company": 100_001, "document": 900_001, "workflow": 2_000_001,
	"reconciliation": 4_000_001, "period": 7_000_001, "app_link": 8_000_001, "token": 1,
}

// newID returns the next id of a kind. The same calls return the same ids.
func (s *Silverfin) newID(kind string) int64 {
	id, started := s.state.Next[kind]
	if !started {
		id = firstIDs[kind]
	}
	s.state.Next[kind] = id + 1
	return id
}

func (s *Silverfin) property(namespace, key string) int {
	p := Property{namespace, key}
	n, known := s.index.properties[p]
	if !known {
		n = len(s.state.Properties)
		s.state.Properties = append(s.state.Properties, p)
		s.index.properties[p] = n
	}
	return n
}

func (s *Silverfin) writer(by string) int {
	n, known := s.index.writers[by]
	if !known {
		n = len(s.state.Writers)
		s.state.Writers = append(s.state.Writers, by)
		s.index.writers[by] = n
	}
	return n
}

func (c *company) period(id int64) *period {
	for _, p := range c.Periods {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (c *company) reconciliation(id int64) *reconciliation {
	for i := range c.Reconciliations {
		if c.Reconciliations[i].ID == id {
			return &c.Reconciliations[i]
		}
	}
	return nil
}

// workflowID finds the id of a firm's workflow in a file; 0 when it was never
// added.
func (c *company) workflowID(firmWorkflow int64) int64 {
	for _, w := range c.Workflows {
		if w.FirmWorkflow == firmWorkflow {
			return w.ID
		}
	}
	return 0
}

func (p *period) open(workflow int64) *openWorkflow {
	for i := range p.Open {
		if p.Open[i].ID == workflow {
			return &p.Open[i]
		}
	}
	return nil
}

func (f *firm) workflow(id int64) *firmWorkflow {
	for i := range f.Workflows {
		if f.Workflows[i].ID == id {
			return &f.Workflows[i]
		}
	}
	return nil
}

func (f *firm) workflowNamed(name string) *firmWorkflow {
	for i := range f.Workflows {
		if f.Workflows[i].Name == name {
			return &f.Workflows[i]
		}
	}
	return nil
}

// Snapshot writes everything as JSON: firms, files, values, the history of
// writes, and the tokens that were given out. Ordered faults and the log of
// calls are not in it.
func (s *Silverfin) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(&s.state)
}

// Restore replaces everything by what Snapshot wrote. On an error nothing
// changes.
func (s *Silverfin) Restore(data []byte) error {
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return fmt.Errorf("the saved Silverfin sandbox cannot be read: %w", err)
	}
	if err := st.check(); err != nil {
		return fmt.Errorf("the saved Silverfin sandbox cannot be used: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = st
	s.index.rebuild(&s.state)
	return nil
}

// check refuses a state whose numbers point nowhere, which would only fail
// later and far from its cause.
func (st *state) check() error {
	if slices.Contains(st.Firms, nil) || slices.Contains(st.Codes, nil) || slices.Contains(st.Tokens, nil) {
		return fmt.Errorf("a firm, a code or a token is empty")
	}
	firms := map[int64]bool{}
	for _, f := range st.Firms {
		firms[f.ID] = true
		for _, id := range f.Companies {
			if st.Companies[id] == nil {
				return fmt.Errorf("firm %d has no company %d", f.ID, id)
			}
		}
		for kind, templates := range f.Templates {
			if slices.Contains(templates, nil) {
				return fmt.Errorf("firm %d has an empty template among its %.30s", f.ID, kind)
			}
		}
	}
	if err := st.checkCompanies(firms); err != nil {
		return err
	}
	for _, w := range st.Writes {
		if w.Property < 0 || w.Property >= len(st.Properties) || w.Writer < 0 || w.Writer >= len(st.Writers) {
			return fmt.Errorf("a write points to an unknown property or writer")
		}
	}
	return nil
}

func (st *state) checkCompanies(firms map[int64]bool) error {
	for id, c := range st.Companies {
		if c == nil || !firms[c.FirmID] {
			return fmt.Errorf("company %d is empty or belongs to no firm", id)
		}
		if err := st.checkCompany(c); err != nil {
			return fmt.Errorf("company %d: %w", id, err)
		}
	}
	return nil
}

func (st *state) checkCompany(c *company) error {
	customs := []customValues{c.Custom}
	for _, p := range c.Periods {
		if p == nil {
			return fmt.Errorf("a period is empty")
		}
		customs = append(customs, p.Custom)
		for _, r := range p.Reconciliations {
			if r == nil {
				return fmt.Errorf("period %d has an empty reconciliation", p.ID)
			}
			customs = append(customs, r.Custom)
		}
	}
	for _, custom := range customs {
		for n, v := range custom {
			if n < 0 || n >= len(st.Properties) || !json.Valid([]byte(v)) {
				return fmt.Errorf("property %d is unknown or holds no JSON", n)
			}
		}
	}
	return nil
}
