package portal

import (
	"strings"
	"testing"
)

// TestFlashMessagesAreBounded: a client that loads no page does not fill its session.
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

// TestFlashMessageIsShownOnce: a message is shown on the next page alone, in the reader's
// language.
func TestFlashMessageIsShownOnce(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	ann.post("/language", "language", "fr", "next", "/")
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "true", "sure", "yes")
	const said = "Modifié\u00a0: " + benName
	if first := ann.get("/people"); !strings.Contains(first.body, said) {
		t.Error("the message is missing")
	}
	if second := ann.get("/people"); strings.Contains(second.body, said) {
		t.Error("the message is shown twice")
	}
}
