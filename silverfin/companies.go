package silverfin

import (
	"context"
	"encoding/json"

	"balansd/balance"
	"balansd/ledger"
)

// Companies lists the firm's companies. Silverfin has no search by enterprise
// number, so that this list is the only index there is. Archived companies are
// not in it. The number is empty where Silverfin has none or a wrong one.
func (f *Firm) Companies(ctx context.Context) ([]ledger.Company, error) {
	c := call{path: "/companies", doing: "listing the companies", scope: "administration:read"}
	var all []ledger.Company
	seen := map[int64]bool{} // a company that is added meanwhile moves others to the next page
	err := f.list(ctx, c, true, func(items []json.RawMessage) (bool, error) {
		for _, item := range items {
			var company ledger.Company
			if err := f.company(c, item, &company); err != nil {
				return false, err
			}
			if !seen[company.ID] {
				seen[company.ID] = true
				all = append(all, company)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// company reads one item of the list.
func (f *Firm) company(c call, item json.RawMessage, into *ledger.Company) error {
	var known struct {
		ID       int64 `json:"id"`
		Name     any   `json:"name"`
		FileCode any   `json:"file_code"`
	}
	if err := f.decode(c, item, &known); err != nil {
		return err
	}
	fields := map[string]json.RawMessage{}
	if err := f.decode(c, item, &fields); err != nil {
		return err
	}
	into.ID, into.Name, into.FileCode = known.ID, spell(known.Name), spell(known.FileCode)
	for _, field := range f.client.cfg.NumberFields {
		text, _ := valueText(fields[field])
		if n, err := balance.ParseEnterpriseNumber(text); err == nil {
			into.EnterpriseNumber = n
			break
		}
	}
	return nil
}
