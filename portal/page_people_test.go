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

// TestRemovePerson: who loses access is asked about first, what they did stays in the audit
// log, and the last admin is told so in words.
func TestRemovePerson(t *testing.T) {
	f := newFixture(t)
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	key := f.key(benName)
	for path, says := range map[string]string{"/people/remove": "verwijderen?", "/people/disabled": "intrekken?"} {
		if page := ann.post(path, "person", key, "disabled", "true"); page.code != 200 || !strings.Contains(page.body, says) {
			t.Errorf("%s does not ask but gives %d: %s", path, page.code, page.body)
		}
		if page := ann.post(path, "person", f.key(annName), "disabled", "true"); page.code != 303 {
			t.Errorf("%s of the last admin gives %d", path, page.code)
		}
		if page := ann.get("/people"); !strings.Contains(page.body, annName+" is de enige beheerder") || !strings.Contains(page.body, benName) {
			t.Errorf("%s of the last admin is answered by %s", path, page.body)
		}
		ann.post(path, "person", f.key(annName), "disabled", "true", "sure", "yes")
		if page := ann.get("/people"); !strings.Contains(page.body, annName+" is de enige beheerder") {
			t.Errorf("%s of the last admin, confirmed, is answered by %s", path, page.body)
		}
	}
	ann.post("/people/remove", "person", key, "sure", "yes")
	page := ann.get("/people")
	_, list, _ := strings.Cut(page.body, "<table")
	if strings.Contains(list, benName) {
		t.Errorf("the list still has the person: %s", list)
	}
	if r := f.records()[0]; r.What != "remove-person" || r.On != benName || r.Outcome != "" {
		t.Errorf("the audit log has %+v", r)
	}
	f.addPerson(benName, accounts.Staff)
	if got := ben.get("/dossiers"); got.code != 303 {
		t.Errorf("a session from before the removal gives %d", got.code)
	}
}
