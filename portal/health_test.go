package portal

import (
	"net/http"
	"testing"
)

func TestHealth(t *testing.T) {
	f := newFixture(t)
	got := f.browser().get("/healthz")
	if got.code != http.StatusOK || got.body != "ok\n" || got.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %q %v", got.code, got.body, got.header)
	}
}
