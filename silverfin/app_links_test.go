package silverfin_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// The right to make app links is asked for only where they are switched on.
func TestAppLinksScope(t *testing.T) {
	for _, on := range []bool{false, true} {
		r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) { c.AppLinks = on })
		address, _, err := r.client.Begin(t.Context(), r.firm, "")
		must(t, err)
		u, err := url.Parse(address)
		must(t, err)
		if asked := slices.Contains(strings.Fields(u.Query().Get("scope")), "links"); asked != on {
			t.Errorf("switched on %t, %s", on, address)
		}
	}
}

// All pages of the list are read, and a link that is gone is no error.
func TestAppLinksOverPages(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		c.AppLinks, c.AppLinkMenu = true, silverfin.AppLinkMenu{Placement: "elsewhere", Templates: []int{77}}
	})
	firm := r.client.Firm(r.firm)
	var last int64
	for n := range 201 {
		id, err := firm.AddAppLink(t.Context(), fmt.Sprint("https://pages.example/", n))
		must(t, err)
		last = id
	}
	if l := r.sandbox.AppLinks()[0]; l.Placement != "elsewhere" || string(l.Options) != `{"placement_option":[77]}` {
		t.Errorf("a link is %+v", l)
	}
	list, err := firm.AppLinks(t.Context())
	must(t, err)
	if len(list) != 201 || list[200].ID != last || list[200].Address != "https://pages.example/200" {
		t.Errorf("%d links are listed", len(list))
	}
	for range 2 {
		must(t, firm.RemoveAppLink(t.Context(), last))
	}
	if list, err = firm.AppLinks(t.Context()); err != nil || len(list) != 200 {
		t.Errorf("%d links are left, %v", len(list), err)
	}
}
