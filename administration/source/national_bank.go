package source

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/problem"

	"golang.org/x/time/rate"
)

const (
	// falseEmptyPause is how long is waited before an empty list of deposits is asked for
	// once more: a first one can be false.
	falseEmptyPause = 5 * time.Second
	// maxUnanswered is how many enterprises in a row may fail before the service is down.
	maxUnanswered = 3
)

// NationalBankConfig says how the National Bank is asked.
type NationalBankConfig struct {
	Name    string // of the source
	BaseURL string
	Key     string
	HTTP    *http.Client
	Wait    Wait
}

// NationalBank is the annual accounts that the National Bank publishes: it reads the
// newest deposit of each client.
type NationalBank struct {
	name    string
	service *service
}

// NewNationalBank returns the source.
func NewNationalBank(cfg NationalBankConfig) *NationalBank {
	return &NationalBank{name: cfg.Name, service: &service{
		name: "the National Bank", base: cfg.BaseURL, http: cfg.HTTP, wait: waiter(cfg.Wait),
		// It publishes no limit.
		limiter: rate.NewLimiter(3, 1), pause: 30 * time.Second,
		authorize: func(ctx context.Context, req *http.Request, refused string) (string, error) {
			req.Header.Set("X-Request-Id", requestID())
			return keyHeader("NBB-CBSO-Subscription-Key", cfg.Key)(ctx, req, refused)
		},
		renewKey: "Compare the key in the file of administration.national_bank.key_file with the one on the National Bank's developer portal (product Authentic Data).",
	}}
}

// Info implements administration.Source.
func (b *NationalBank) Info() administration.Info {
	fields := append([]administration.Field{administration.Name}, administration.AddressFields()...)
	return administration.Info{Name: b.name, Kind: administration.NationalBank, Fields: append(fields, administration.LegalForm, administration.Directors)}
}

// List implements administration.Source: it asks for each of the numbers. One that cannot
// be asked for now is counted in the report; the service is down when several in a row
// cannot.
func (b *NationalBank) List(ctx context.Context, q administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	report := administration.Report{From: []string{b.service.base}}
	var records []administration.Record
	unanswered := 0
	for _, number := range q.Numbers {
		report.Read++
		r, err := b.read(ctx, number)
		switch {
		case err == nil:
			records, unanswered = append(records, r), 0
		case errors.Is(err, errAbsent):
			unanswered = 0
			report.Leave(administration.LeftAside{Reason: administration.NoDeposit, Value: number.Pretty()})
		case ctx.Err() != nil:
			return report, ctx.Err()
		case problem.Is(err, problem.AdministrationSignIn):
			return report, err
		default:
			if unanswered++; unanswered == maxUnanswered || unanswered == len(q.Numbers) {
				return report, err
			}
			report.Leave(administration.LeftAside{Reason: administration.Unavailable, Value: number.Pretty()})
		}
	}
	return report, yieldAll(ctx, &report, records, yield)
}

// requestID returns a random UUID (RFC 9562), by which the National Bank knows a call.
func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails: the program ends instead
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// nbbReference is what the list of deposits says of one.
type nbbReference struct {
	ReferenceNumber string
	DepositDate     string
	EnterpriseName  string
	LegalForm       string
	ExerciseDates   struct{ StartDate, EndDate string }
	Address         nbbAddress
}

type nbbAddress struct {
	Street, Number, Box, PostalCode, City, OtherPostalCode, OtherCity, CountryCode, Country string
}

// nbbAdministrators is what a deposit says of those who have a mandate.
type nbbAdministrators struct {
	Administrators struct {
		NaturalPersons []struct {
			Person   nbbPerson
			Mandates []nbbMandate
		}
		LegalPersons []struct {
			Entity          struct{ Name, Identifier string }
			Representatives []nbbPerson
			Mandates        []nbbMandate
		}
	}
}

type nbbPerson struct{ FirstName, LastName, Name string }

type nbbMandate struct {
	FunctionMandate string
	MandateDates    struct{ StartDate, EndDate string }
}

// read reads the newest deposit of an enterprise. errAbsent says that there is none, or
// none that the service still has.
func (b *NationalBank) read(ctx context.Context, number balance.EnterpriseNumber) (r administration.Record, err error) {
	newest, err := b.newest(ctx, number)
	if err != nil {
		return r, err
	}
	r = recordOfDeposit(number, newest)
	body, err := b.service.get(ctx, "/authentic/deposit/"+url.PathEscape(newest.ReferenceNumber)+"/accountingData", nil, "application/x.jsonxbrl")
	switch {
	case errors.Is(err, errAbsent): // too old: what the list says is all there is
		return r, nil
	case err != nil:
		return r, err
	}
	var filed nbbAdministrators
	if err := b.service.decode(body, &filed); err != nil {
		return r, err
	}
	r.Directors = directorsOf(filed)
	r.Known = append(r.Known, administration.Directors)
	if social, err := balance.NewReader(balance.ReaderOptions{}).ReadDocument(ctx, body); err == nil {
		social.EnterpriseNumber, social.Name = number, newest.EnterpriseName
		start, _ := day(newest.ExerciseDates.StartDate)
		end, _ := day(newest.ExerciseDates.EndDate)
		social.FiscalYear = balance.Period{Start: start, End: end}
		if len(social.Values) > 0 {
			r.Filed = social
		}
	}
	return r, nil
}

// newest returns the deposit of the last financial year; of two of that year the one that
// was deposited last, which corrects the other.
func (b *NationalBank) newest(ctx context.Context, number balance.EnterpriseNumber) (newest nbbReference, err error) {
	for again := range 2 {
		if again > 0 {
			if err := b.service.wait(ctx, falseEmptyPause); err != nil {
				return newest, err
			}
		}
		body, err := b.service.get(ctx, "/authentic/legalEntity/"+number.String()+"/references", nil, "application/json")
		if err != nil {
			return newest, err
		}
		var list []nbbReference
		if err := b.service.decode(body, &list); err != nil {
			return newest, err
		}
		for _, one := range list {
			if _, err := day(one.ExerciseDates.EndDate); err != nil || one.ReferenceNumber == "" {
				continue
			}
			if cmp.Or(strings.Compare(one.ExerciseDates.EndDate, newest.ExerciseDates.EndDate), strings.Compare(one.DepositDate, newest.DepositDate),
				strings.Compare(one.ReferenceNumber, newest.ReferenceNumber)) > 0 {
				newest = one
			}
		}
		if newest.ReferenceNumber != "" {
			return newest, nil
		}
	}
	return newest, errAbsent
}

// day reads a date that may have a time behind it.
func day(s string) (balance.Date, error) {
	s, _, _ = strings.Cut(s, "T")
	return balance.ParseDate(s)
}

// recordOfDeposit makes a record of what the list of deposits says.
func recordOfDeposit(number balance.EnterpriseNumber, n nbbReference) administration.Record {
	r := administration.Record{Reference: string(number), EnterpriseNumber: number}
	code := func(s string) string { // a code stands behind the name of its list: pcd:1000
		_, after, found := strings.Cut(s, ":")
		if found {
			return after
		}
		return s
	}
	text := func(f administration.Field, s string) administration.Text {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		r.Known = append(r.Known, f)
		return administration.Text{"": s}
	}
	single := func(f administration.Field, s string) string { return text(f, s)[""] }
	a := n.Address
	r.Names, r.Streets = text(administration.Name, n.EnterpriseName), text(administration.Street, a.Street)
	r.Number = single(administration.Number, a.Number)
	if r.Streets != nil {
		r.Box = strings.TrimSpace(a.Box)
		r.Known = append(r.Known, administration.Box)
	}
	r.PostalCode = single(administration.PostalCode, cmp.Or(code(a.PostalCode), a.OtherPostalCode))
	if !strings.Contains(a.City, ":") { // else a number of a list that is not public
		r.Cities = text(administration.City, cmp.Or(a.City, a.OtherCity))
	}
	r.Country = single(administration.Country, code(cmp.Or(a.CountryCode, a.Country)))
	if !strings.Contains(n.LegalForm, ":") {
		r.LegalForms = text(administration.LegalForm, n.LegalForm)
	}
	if at, err := day(n.DepositDate); err == nil {
		r.AsOf = at.In(time.UTC)
	}
	return r
}

// directorsOf lists those who have a mandate, once a mandate.
func directorsOf(filed nbbAdministrators) []administration.Person {
	people := []administration.Person{}
	add := func(p administration.Person, mandates []nbbMandate) {
		if len(mandates) == 0 {
			people = append(people, p)
		}
		for _, m := range mandates {
			p.Function = m.FunctionMandate
			p.From, _ = day(m.MandateDates.StartDate)
			p.Until, _ = day(m.MandateDates.EndDate)
			people = append(people, p)
		}
	}
	for _, one := range filed.Administrators.NaturalPersons {
		add(administration.Person{Name: cmp.Or(one.Person.LastName, one.Person.Name), FirstName: one.Person.FirstName}, one.Mandates)
	}
	for _, one := range filed.Administrators.LegalPersons {
		p := administration.Person{Name: cmp.Or(one.Entity.Name, one.Entity.Identifier)}
		if n, err := balance.ParseEnterpriseNumber(one.Entity.Identifier); err == nil {
			p.EnterpriseNumber = n
		}
		for _, r := range one.Representatives {
			p.Representative = strings.TrimSpace(r.FirstName + " " + cmp.Or(r.LastName, r.Name))
			break
		}
		add(p, one.Mandates)
	}
	return people
}
