package portal

import (
	"strings"
	"testing"
)

// TestFlashMessagesAreBounded: who never looks at a page fills no session.
func TestFlashMessagesAreBounded(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	for range 50 {
		ben.post("/decisions", "do", "use_finbox")
	}
	for _, text := range f.kv.Rows("sessions") {
		if len(text) > 2000 {
			t.Errorf("a session takes %d bytes", len(text))
		}
	}
}

// TestFlashMessageIsShownOnce shows a notice on the next page, in the reader's language,
// and on that one alone.
func TestFlashMessageIsShownOnce(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	ann.post("/language", "language", "fr", "next", "/")
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "true")
	const said = "Modifié\u00a0: " + benName
	if first := ann.get("/people"); !strings.Contains(first.body, said) {
		t.Error("nothing is said")
	}
	if second := ann.get("/people"); strings.Contains(second.body, said) {
		t.Error("it is said twice")
	}
}
