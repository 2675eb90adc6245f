package portal

import (
	"net/http"
	"strings"
	"testing"

	"balansd/ledger"
)

// TestFromSilverfin: the app link leads to the dossier of the company, where Silverfin says
// which and there is one; to a list else. Nobody learns anything without a session.
func TestFromSilverfin(t *testing.T) {
	entry := func(number uint64, dossier string, company int64, start, end string) ledger.Entry {
		e := ledger.Entry{Number: number, Connection: "c", State: ledger.Done,
			Target: &ledger.Target{FirmID: 12, CompanyID: company, CompanyName: "Bakkerij & Co"}}
		e.FiscalYear, e.Dossier.ID = financialYear(t, start, end), dossier
		return e
	}
	f := newStubFixture(t, &stubAPI{entries: []ledger.Entry{
		{Number: 9, Connection: "c", State: ledger.Waiting},
		entry(5, "a", 345, "2023-01-01", "2023-12-31"), entry(4, "a", 345, "2024-01-01", "2024-12-31"),
		entry(3, "b", 678, "2024-01-01", "2024-12-31"), entry(2, "d", 678, "2024-01-01", "2024-12-31"),
	}})
	ben, nobody := f.signedIn(benName), f.browser()
	for _, c := range []struct{ query, referer, want string }{
		{"?company_id=345", "", "/dossiers/4"},
		{"?company=345&x=1", "", "/dossiers/4"},
		{"?company_id=oops&id=345", "https://live.getsilverfin.com/f/12/678", "/dossiers/4"},
		{"", "https://live.getsilverfin.com/f/12/345/ledgers/1?x=2", "/dossiers/4"},
		{"?id=678", "", "/dossiers?q=Bakkerij+%26+Co"},
		{"?id=999", "", "/dossiers"},
	} {
		first := nobody.request(http.MethodGet, ledger.AppLinkPath+c.query, nil, map[string]string{"Referer": c.referer})
		_, rest, _ := strings.Cut(first.body, `class="button" href="`)
		path, _, _ := strings.Cut(rest, `"`)
		if first.code != http.StatusOK || !strings.HasPrefix(path, ledger.AppLinkPath+"/") {
			t.Fatalf("%q from %q gives %d and leads to %q", c.query, c.referer, first.code, path)
		}
		if got := nobody.get(path); got.code != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/sign-in?next=") {
			t.Errorf("without a session %s leads to %s", path, got.header.Get("Location"))
		}
		if got := ben.get(path); got.header.Get("Location") != c.want {
			t.Errorf("%q from %q leads to %s, want %s", c.query, c.referer, got.header.Get("Location"), c.want)
		}
	}
	for query, referer := range map[string]string{"": "", "?company_id=-1": "https://live.getsilverfin.com/", "?id=1e9": "%zz", "?company=99999999999999999999": "https://live.getsilverfin.com/f/12/99999999999999999999"} {
		if got := nobody.request(http.MethodGet, ledger.AppLinkPath+query, nil, map[string]string{"Referer": referer}); !strings.Contains(got.body, `href="/dossiers" data-follow`) {
			t.Errorf("%q from %q gives %d %s", query, referer, got.code, got.body)
		}
	}
	if got := ben.get(ledger.AppLinkPath + "/x"); got.header.Get("Location") != "/dossiers" {
		t.Errorf("an address that is none leads to %s", got.header.Get("Location"))
	}
}
