package portal

import (
	"path"
	"strings"
	"testing"

	"balansd/accounts"
	"balansd/problem"

	"github.com/chromedp/chromedp"
)

// TestPagesInBrowser checks every page about people, in each language.
func TestPagesInBrowser(t *testing.T) {
	f := newFixture(t)
	f.addPerson(`Zoë <b>van</b> & zonen`, accounts.Staff)
	invited, err := f.people.Invite(t.Context(), "nieuw@kantoor.example", accounts.Admin, annName)
	if err != nil {
		t.Fatal(err)
	}
	c := newChrome(t, f.server.URL)
	c.allowError("404")
	c.allowError("405")
	for _, lang := range languages {
		check := c.checkAccessibility
		if lang == "nl" {
			check = c.checkPage
		}
		c.visit("/sign-in")
		c.setLanguage(lang)
		check("signin-" + lang)
		c.visit("/invite/" + path.Base(invited.Link))
		check("invite-" + lang)
		c.signIn(annName)
		for name, path := range map[string]string{"home": "/", "people": "/people", "account": "/account", "settings": "/settings",
			"audit": "/audit", "error404": "/nothing/here"} {
			c.visit(path)
			if name != "error404" && c.path() != path {
				t.Fatalf("%s leads to %s", path, c.path())
			}
			check(name + "-" + lang)
		}
		c.click(".who form button")
	}
}

// TestPeopleInBrowser: an admin invites, demotes and disables a person, using only what
// the pages show.
func TestPeopleInBrowser(t *testing.T) {
	f := newFixture(t)
	c := newChrome(t, f.server.URL)
	c.allowError("401")
	c.allowError("403")
	c.allowError("422")
	c.allowError("410")
	c.visit("/sign-in")
	c.setLanguage("nl")
	c.fill("#name", annName)
	c.fill("#password", "iets helemaal anders")
	c.click("main form button")
	c.expectText("De gebruikersnaam of het wachtwoord is niet juist")
	c.checkPage("signin-wrong-nl")
	c.signIn(annName)
	c.do(chromedp.Click(chromedp.CSS("nav details.more summary")))
	c.click(`nav a[href="/people"]`)
	c.fill("#name", "cis@kantoor.example")
	c.click(`form[action="/people/invite"] button`)
	c.expectText("Link voor cis@kantoor.example")
	c.checkPage("people-invited-nl")
	link := value[string](c, `document.querySelector("#link").value`)
	c.click(".who form button")

	c.visit(strings.TrimPrefix(link, f.server.URL))
	c.expectText("Welkom, cis@kantoor.example")
	c.fill("#new-password", "Wachtwoord2026!")
	c.fill("#again", "Wachtwoord2026!")
	c.click("main form button")
	c.expectText("te gemakkelijk te raden")
	c.fill("#new-password", testPassword)
	c.fill("#again", testPassword)
	c.click("main form button")
	c.expectText("Welkom, cis@kantoor.example. Je bent aangemeld.")
	c.visit("/people")
	c.expectText("Geen toegang")
	c.checkPage("error403-nl")
	c.visit("/account")
	c.click(`form[action="/account/sign-out-everywhere"] button`)
	if c.path() != "/sign-in" {
		t.Errorf("signed out everywhere, and at %s", c.path())
	}
	c.visit(strings.TrimPrefix(link, f.server.URL))
	c.expectText("Deze link werkt niet meer")
	c.checkPage("error410-nl")
}

// TestErrorPageInBrowser checks the page for a problem of the daemon.
func TestErrorPageInBrowser(t *testing.T) {
	f := newFixture(t)
	c := newChrome(t, f.server.URL)
	c.allowError("409")
	c.signIn(annName)
	c.setLanguage("fr")
	f.api.Err = problem.New(problem.Busy, `a run is under way for <script>alert("x")</script>`, "Wait until it is over.")
	c.visit("/")
	c.expectText("balansd est occupé")
	c.checkPage("problem-fr")
}

// TestSignInInBrowserWithoutScripts: all but live progress works without scripts.
func TestSignInInBrowserWithoutScripts(t *testing.T) {
	f := newFixture(t)
	c := newChrome(t, f.server.URL)
	c.enableScripts(false)
	c.signIn(annName)
	c.visit("/people")
	c.click(`input[value="` + f.key(benName) + `"] ~ button`)
	c.expectText(benName)
	c.visit("/account")
	c.setLanguage("de")
	c.expectText("Mein Konto")
}

// TestKeyboardInBrowser signs in and reaches the content with the keyboard alone.
func TestKeyboardInBrowser(t *testing.T) {
	f := newFixture(t)
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	c.visit("/people")
	const focused = `document.activeElement.getAttribute("href") || document.activeElement.value || document.activeElement.innerText`
	c.pressKeys("\t")
	if got := value[string](c, focused); got != "#main" {
		t.Errorf("the first thing to reach is %q, not the way to the content", got)
	}
	c.pressKeys("\r")
	if got := value[string](c, "location.hash"); got != "#main" {
		t.Errorf("it leads to %q", got)
	}
	c.visit("/people")
	// Each control gets the focus once, in order, and shows it.
	want := value[int](c, `[...document.querySelectorAll("a, button, input:not([type=hidden]):not([type=radio]), select, summary, [tabindex='0']")].filter(e => e.checkVisibility()).length`) + 1
	for range want {
		c.pressKeys("\t")
		if !value[bool](c, `document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
			t.Errorf("%q does not show that it has the focus", value[string](c, focused))
		}
	}
	if got := value[string](c, focused); got != "de" {
		t.Errorf("after all %d of the page the focus is on %q, not on its last button", want, got)
	}
}

// TestLinkFromOtherSiteInBrowser: a signed-in person who follows a link from another site
// sees the page, though the strict cookie was not sent with the first request.
func TestLinkFromOtherSiteInBrowser(t *testing.T) {
	f := newFixture(t)
	c := newChrome(t, f.server.URL)
	c.allowError("401")
	c.signIn(annName)
	// localhost is another site than 127.0.0.1, and has no session.
	same := c.base
	c.base = strings.Replace(c.base, "127.0.0.1", "localhost", 1)
	c.allowError("404") // Chromium may request an icon for /healthz
	c.visit("/healthz")
	const addLink = `(() => { const a = document.createElement("a"); a.href = %q; a.id = "go"; a.textContent = "go"; document.body.append(a); })()`
	value[any](c, strings.Replace(addLink, "%q", `"`+f.server.URL+`/people"`, 1))
	c.click("#go")
	c.do(chromedp.WaitVisible(chromedp.CSS("main h1")))
	c.base = same
	if c.path() != "/people" {
		t.Errorf("a signed-in person gets to %s:\n%s", c.path(), c.text())
	}
	c.expectText(benName)
}
