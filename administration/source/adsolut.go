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

// AdsolutConfig says how Adsolut is asked.
type AdsolutConfig struct {
	Name         string // of the source
	BaseURL      string
	AuthorizeURL string // where a person signs in
	TokenURL     string
	ClientID     string
	ClientSecret string
	Redirect     string // the registered address to which the browser comes back
	HTTP         *http.Client
	Tokens       TokenStore
	Now          func() time.Time
	Wait         Wait
}

// Adsolut is the administration package of Wolters Kluwer. It only lists: an integration
// of an administration, which costs the office money, is never switched on.
type Adsolut struct {
	name    string
	service *service
	tokens  *adsolutTokens
}

// NewAdsolut returns the source.
func NewAdsolut(cfg AdsolutConfig) *Adsolut {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	t := newAdsolutTokens(cfg)
	return &Adsolut{name: cfg.Name, tokens: t, service: &service{
		name: "Adsolut", base: cfg.BaseURL, http: cfg.HTTP, wait: waiter(cfg.Wait),
		limiter: rate.NewLimiter(5, 5), pause: time.Minute, // it publishes no limit
		authorize: func(ctx context.Context, req *http.Request, refused string) (string, error) {
			token, err := t.access(ctx, refused)
			req.Header.Set("Authorization", "Bearer "+token)
			return token, err
		},
		renewKey: nextAdsolut,
	}}
}

// Info implements administration.Source.
func (a *Adsolut) Info() administration.Info {
	return administration.Info{Name: a.name, Kind: administration.Adsolut, Fields: append([]administration.Field{administration.Name}, administration.AddressFields()...)}
}

// List implements administration.Source: it lists every administration.
func (a *Adsolut) List(ctx context.Context, _ administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	report := administration.Report{From: []string{a.service.base}}
	records, err := listPages(ctx, usualPaths(), &report, func(n int) (pageOfRelations, error) {
		query := url.Values{}
		if n > 0 {
			query.Set("page", strconv.Itoa(n+1))
		}
		body, err := a.service.get(ctx, "/adm/v1/administrations", query, "application/json")
		if err != nil {
			return pageOfRelations{}, notThere(a.service, err)
		}
		var page struct {
			Items                   []any
			CurrentPage, TotalPages int
		}
		if err := a.service.decode(body, &page); err != nil {
			return pageOfRelations{}, err
		}
		if page.CurrentPage != n+1 && page.TotalPages > 0 {
			return pageOfRelations{}, a.service.down("it gave page " + strconv.Itoa(page.CurrentPage) + " in place of " + strconv.Itoa(n+1))
		}
		return pageOfRelations{items: page.Items, last: n+1 >= page.TotalPages}, nil
	})
	if err != nil {
		return report, err
	}
	return report, yieldAll(ctx, &report, records, yield)
}
