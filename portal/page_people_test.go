package portal

import (
	"slices"
	"strings"
	"testing"

	"balansd/accounts"
)

// TestAuditLogOfRoleChanges: records of invitations have the role, before and after, and
// the key of who acted.
func TestAuditLogOfRoleChanges(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	invite := func(name, role string) {
		t.Helper()
		got := ann.post("/people/invite", "name", name, "role", role)
		_, rest, ok := strings.Cut(got.body, "/invite/")
		token, _, _ := strings.Cut(rest, `"`)
		if !ok {
			t.Fatalf("no link: %d", got.code)
		}
		got = f.browser().post("/invite/"+token, "password", testPassword, "again", testPassword)
		if got.code != 303 {
			t.Fatalf("the link of %s gives %d", name, got.code)
		}
	}
	before := len(f.records())
	invite(benName, "admin")
	invite(benName, "admin")
	invite(benName, "staff")
	invite("Cis", "staff")
	list := f.records()
	list = list[:len(list)-before]
	slices.Reverse(list)
	var got []string
	for _, r := range list {
		got = append(got, r.Who+" "+r.What+" "+r.On)
		if r.Key != f.key(r.Who) || r.From == "" || r.From == accounts.FromCommandLine || r.Outcome != "" {
			t.Errorf("the record is %+v", r)
		}
	}
	want := []string{
		annName + " invite-admin " + benName, benName + " accept-raised ",
		annName + " invite-admin " + benName, benName + " accept-admin ",
		annName + " invite-staff " + benName, benName + " accept-lowered ",
		annName + " invite-staff Cis", "Cis accept-staff ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the audit log has\n%q, want\n%q", got, want)
	}
	if page := ann.get("/audit"); page.code != 200 || !strings.Contains(page.body, "was medewerker, nu beheerder") {
		t.Errorf("the page gives %d", page.code)
	}
}
