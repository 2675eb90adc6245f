package silverfin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/ledger"
)

// Companies lists the firm's companies. Silverfin has no search by enterprise
// number, so that this list is the only index there is. Archived companies are
// not in it. The number is the one that a field has, with other words or
// without: empty where Silverfin has none, a wrong one or several.
//
// What cannot be read is left out and named for people: any company may be
// behind it.
func (f *Firm) Companies(ctx context.Context) (all []ledger.Company, unreadable []string, err error) {
	c := call{path: "/companies", doing: "listing the companies", scope: "administration:read", confirm: true}
	pages, err := f.list(ctx, f.do, c, nil)
	if err != nil {
		return nil, nil, err
	}
	seen := map[int64]bool{} // a company that is added meanwhile moves others to the next page
	for _, items := range pages {
		for _, item := range items {
			r := readRecord(item)
			company, ok := f.company(r)
			switch {
			case !ok:
				unreadable = append(unreadable, "a company with "+r.label())
			case !seen[company.ID]:
				seen[company.ID] = true
				all = append(all, company)
			}
		}
	}
	return all, unreadable, nil
}

// Company returns one company; a SilverfinRefused problem when there is none.
func (f *Firm) Company(ctx context.Context, id int64) (ledger.Company, error) {
	c := call{path: fmt.Sprintf("/companies/%d", id), doing: "reading the company", scope: "administration:read", company: id}
	body, err := f.do(ctx, c)
	if err != nil {
		return ledger.Company{}, err
	}
	company, ok := f.company(readRecord(body))
	if !ok || company.ID != id {
		return ledger.Company{}, f.unable(c, "its answer is no company")
	}
	return company, nil
}

// company reads one item of the list; false when it has no usable id.
func (f *Firm) company(r record) (ledger.Company, bool) {
	id, ok := r.id()
	if !ok {
		return ledger.Company{}, false
	}
	c := ledger.Company{ID: id, Name: r.words("name"), FileCode: r.words("file_code"), Address: address(r), Details: details(r)}
	for _, field := range f.client.cfg.NumberFields {
		text, _ := valueText(r[field])
		numbers := balance.EnterpriseNumbersIn(text)
		if len(numbers) == 1 {
			c.EnterpriseNumber, c.Several = numbers[0], nil
			break
		}
		if len(numbers) > 1 && c.Several == nil {
			c.Several = numbers
		}
		if c.WrongNumber == "" {
			c.WrongNumber = clip.Text(text)
		}
	}
	if c.EnterpriseNumber != "" || c.Several != nil {
		c.WrongNumber = ""
	}
	return c, true
}

// address returns street, postal code and city, as far as they are known.
func address(r record) string {
	town := strings.TrimSpace(r.words("postalcode") + " " + r.words("city"))
	return strings.Join(slices.DeleteFunc([]string{r.words("street"), town}, func(s string) bool { return s == "" }), ", ")
}

// details returns the fields that people may compare with those of another source, as far
// as the answer has them.
func details(r record) ledger.CompanyDetails {
	d := ledger.CompanyDetails{}
	for _, f := range ledger.CompanyFields() {
		if _, has := r[string(f)]; has {
			d[f] = r.words(string(f))
		}
	}
	return d
}
