package source

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"balansd/administration"

	"golang.org/x/time/rate"
)

// adminPulsePage is the most relations that AdminPulse gives at once.
const adminPulsePage = 400

// AdminPulseConfig says how AdminPulse is asked.
type AdminPulseConfig struct {
	Name    string // of the source
	BaseURL string
	Key     string
	Fields  map[string]string // paths in a relation, by what they lead to; see FieldMistakes
	HTTP    *http.Client
	Wait    Wait
}

// AdminPulse is the administration package of that name.
type AdminPulse struct {
	name    string
	service *service
	paths   fieldPaths
}

// NewAdminPulse returns the source.
func NewAdminPulse(cfg AdminPulseConfig) *AdminPulse {
	return &AdminPulse{name: cfg.Name, paths: withFields(cfg.Fields), service: &service{
		name: "AdminPulse", base: cfg.BaseURL, http: cfg.HTTP, wait: waiter(cfg.Wait),
		// It takes 480 calls a minute, and after more it wants a pause of one minute.
		limiter: rate.NewLimiter(8, 8), pause: time.Minute,
		authorize: keyHeader("Authorization", "Bearer "+cfg.Key),
		renewKey:  "Make a new key in AdminPulse (profile, access tokens) with the right Read relations, and put it into the file of administration.adminpulse.key_file.",
	}}
}

// Info implements administration.Source. What a relation states of the fields its paths
// decide.
func (a *AdminPulse) Info() administration.Info {
	return administration.Info{Name: a.name, Kind: administration.AdminPulse, Fields: administration.Fields()}
}

// List implements administration.Source: it lists every relation.
func (a *AdminPulse) List(ctx context.Context, _ administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	report := administration.Report{From: []string{a.service.base}}
	records, err := listPages(ctx, a.paths, &report, func(n int) (pageOfRelations, error) {
		body, err := a.service.get(ctx, "/relations", url.Values{"page": {strconv.Itoa(n)}, "pageSize": {strconv.Itoa(adminPulsePage)}}, "application/json")
		if err != nil {
			return pageOfRelations{}, notThere(a.service, err)
		}
		var page struct {
			Results   []any `json:"results"`
			PageCount int   `json:"pageCount"`
		}
		if err := a.service.decode(body, &page); err != nil {
			return pageOfRelations{}, err
		}
		return pageOfRelations{items: page.Results, last: n+1 >= page.PageCount}, nil
	})
	if err != nil {
		return report, err
	}
	return report, yieldAll(ctx, &report, records, yield)
}

// notThere is the error of a list whose address answers 404.
func notThere(s *service, err error) error {
	if err == errAbsent { //nolint:errorlint // it is never wrapped
		return s.down("it has no such list (404); check its address in the configuration")
	}
	return err
}
