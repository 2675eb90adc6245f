package silverfin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"balansd/ledger"
	"balansd/problem"
)

// linksScope is what is asked for at the sign-in when an app link is made.
const linksScope = "links"

// AppLinkMenu says where in Silverfin's menus an app link is.
type AppLinkMenu struct {
	Placement string // empty means reconciliation_action_menu
	Templates []int  // ids of the reconciliation templates that have it; empty for all
}

// AppLinks lists the app links of the person who linked the firm; nobody else's are shown.
func (f *Firm) AppLinks(ctx context.Context) ([]ledger.AppLink, error) {
	pages, err := f.list(ctx, f.do, call{path: "/app/links", doing: "listing the app links", scope: linksScope}, nil)
	if err != nil {
		return nil, err
	}
	var all []ledger.AppLink
	seen := map[int64]bool{}
	for _, items := range pages {
		for _, item := range items {
			r := readRecord(item)
			if id, ok := r.id(); ok && !seen[id] {
				seen[id] = true
				all = append(all, ledger.AppLink{ID: id, Address: r.words("target_url")})
			}
		}
	}
	return all, nil
}

// AddAppLink makes an app link to an address, and returns its id, 0 where the answer does
// not say it. It is posted once: after an error it may have been made.
func (f *Firm) AddAppLink(ctx context.Context, address string) (int64, error) {
	menu := f.client.cfg.AppLinkMenu
	link := map[string]any{"name": "Social balance (balansd)", "name_nl": "Sociale balans (balansd)", "name_fr": "Bilan social (balansd)",
		"name_en": "Social balance (balansd)", "target_url": address, "placement": cmp.Or(menu.Placement, "reconciliation_action_menu")}
	if len(menu.Templates) > 0 {
		link["placement_options"] = map[string]any{"placement_option": menu.Templates}
	}
	payload, err := json.Marshal(link)
	if err != nil {
		return 0, problem.New(problem.Unexpected, "a request to Silverfin could not be written down", "")
	}
	c := call{method: http.MethodPost, path: "/app/links", doing: "making an app link", scope: linksScope}
	ans, token, err := f.sendOnce(ctx, c, payload)
	if err != nil {
		return 0, err
	}
	body, err := f.bodyOrError(c, ans, token)
	if err != nil {
		return 0, err
	}
	id, _ := readRecord(body).id()
	return id, nil
}

// RemoveAppLink deletes an app link. One that is gone is no error.
func (f *Firm) RemoveAppLink(ctx context.Context, id int64) error {
	c := call{method: http.MethodDelete, path: fmt.Sprintf("/app/links/%d", id), doing: "deleting an app link", scope: linksScope}
	ans, token, err := f.sendOnce(ctx, c, nil)
	if err != nil || ans.status == http.StatusNotFound {
		return err
	}
	_, err = f.bodyOrError(c, ans, token)
	return err
}

// sendOnce makes a change that is of no company. It is sent again only after a 401, with
// a renewed token.
func (f *Firm) sendOnce(ctx context.Context, c call, payload []byte) (answer, string, error) {
	leave, err := f.enter(ctx, 0)
	if err != nil {
		return answer{}, "", err
	}
	defer leave()
	token, err := f.tokens.access(ctx, "")
	for renewed := false; err == nil; renewed = true {
		if err := f.pace(ctx); err != nil {
			return answer{}, "", err
		}
		ans, err := f.send(ctx, c, payload, token)
		if err != nil || ans.status != http.StatusUnauthorized {
			return ans, token, err
		}
		if renewed {
			return answer{}, "", f.tokens.refuse(ctx, token)
		}
		if token, err = f.tokens.access(ctx, token); err != nil {
			return answer{}, "", err
		}
	}
	return answer{}, "", err
}
