package silverfin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// UpdateCompany reads a company, has decide say which of its fields to write, writes them,
// and reads again, until decide has nothing left to write: what decide was given last is
// what the company holds. decide must not make a call for the same company.
//
// A write goes out right after a read that shows what decide saw. Whatever delays it or
// turns it away has it begun again with reading. After an error the fields may have been
// stored. A field is never emptied.
func (f *Firm) UpdateCompany(ctx context.Context, id int64, decide func(ledger.CompanyReading) (ledger.CompanyDetails, error)) error {
	leave, err := f.enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	u := &companyUpdate{writing: writing{Firm: f}, id: id, accepted: ledger.CompanyDetails{}}
	for {
		body, company, err := u.read(ctx)
		if err != nil {
			if u.failed != nil {
				return u.failed
			}
			return err
		}
		want, err := decide(ledger.CompanyReading{Company: company, Accepted: u.accepted, Failed: u.failed})
		if err != nil || len(want) == 0 {
			return err
		}
		if u.failed != nil {
			return u.failed
		}
		if err := u.write(ctx, body, want); err != nil {
			return err
		}
	}
}

// companyUpdate is an UpdateCompany under way.
type companyUpdate struct {
	writing
	id       int64
	accepted ledger.CompanyDetails
	token    string
	at       time.Time // when the company was read last
	tries    int
}

// read reads the company.
func (u *companyUpdate) read(ctx context.Context) (body []byte, company ledger.Company, err error) {
	c := call{path: fmt.Sprintf("/companies/%d", u.id), doing: "reading the company", scope: "administration:read", company: u.id}
	if body, u.token, err = u.get(ctx, c); err != nil {
		return nil, company, err
	}
	u.at = time.Now()
	company, ok := u.company(readRecord(body))
	if !ok || company.ID != u.id {
		return nil, company, u.unable(c, "its answer is no company")
	}
	return body, company, nil
}

// write sends fields right after a read that equals seen. A nil error means that what there
// is to do is to be read anew.
func (u *companyUpdate) write(ctx context.Context, seen []byte, want ledger.CompanyDetails) error {
	c := call{method: http.MethodPost, path: fmt.Sprintf("/companies/%d", u.id), doing: "changing the name or address of the company",
		scope: "administration:write", company: u.id}
	for field, text := range want {
		if text == "" {
			return problem.New(problem.Unexpected, fmt.Sprintf("the %s of a company would be emptied in Silverfin, which balansd never does", field), "")
		}
		c.figures = append(c.figures, text)
	}
	if u.tries++; u.tries > 2*maxRefusals {
		return u.unable(c, "it changed, or was turned away, each time it was read")
	}
	payload, err := json.Marshal(want)
	if err != nil {
		return problem.New(problem.Unexpected, "a request to Silverfin could not be written down", "")
	}
	if err := u.pace(ctx); err != nil { // for the write, which waits for nothing any more
		return err
	}
	now, _, err := u.read(ctx)
	if err != nil || !bytes.Equal(now, seen) || u.resting() || time.Since(u.at) > maxAge {
		return err
	}
	ans, err := u.send(ctx, c, payload, u.token)
	if err == nil && ans.good() {
		u.accepted, u.refused = want, ""
		return nil
	}
	return u.handleRefusal(ctx, c, u.token, ans, err)
}
