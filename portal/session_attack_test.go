package portal

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestSigningOutIsForGood: a request that was under way when its session ended
// does not bring it back, however late it ends.
func TestSigningOutIsForGood(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	var cookie string
	for _, c := range ben.client.Jar.Cookies(&url.URL{Scheme: "http", Host: f.server.Listener.Addr().String()}) {
		if c.Name == "balansd" {
			cookie = c.Value
		}
	}
	// A thief with a copy of the cookie begins a request that keeps something
	// in the session, and leaves its last byte out.
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := "do=use_finbox&back=%2Faccount"
	arrived := make(chan struct{})
	f.kv.OnRead(func(key string) {
		if strings.HasPrefix(key, "name:") {
			select {
			case <-arrived:
			default:
				close(arrived)
			}
		}
	})
	fmt.Fprintf(conn, "POST /decisions HTTP/1.1\r\nHost: %s\r\nCookie: balansd=%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		f.server.Listener.Addr(), cookie, len(body), body[:len(body)-1])
	<-arrived // its session and its person were read
	if got := ben.post("/sign-out"); got.code != http.StatusSeeOther {
		t.Fatal(got.code)
	}
	fmt.Fprint(conn, body[len(body)-1:])
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	thief := f.browser()
	thief.header.Set("Cookie", "balansd="+cookie)
	if got := thief.get("/account"); got.code == http.StatusOK {
		t.Error("the session is back after its end")
	}
}

// TestAPlantedSessionGivesNothing: a member of staff puts the cookie of their own
// session into an admin's browser. When the admin signs in there, the copy of
// the cookie does not become an admin's.
func TestAPlantedSessionGivesNothing(t *testing.T) {
	f := newFixture(t)
	got := f.browser().post("/sign-in", "name", benName, "password", testPassword)
	planted := cookieOf(got, "balansd")
	if planted == nil {
		t.Fatalf("no cookie: %v", got.header)
	}
	ann := f.browser()
	ann.header.Set("Cookie", planted.Name+"="+planted.Value)
	if got := ann.post("/sign-in", "name", annName, "password", testPassword); got.code != http.StatusSeeOther {
		t.Fatalf("the admin cannot sign in: %d", got.code)
	}
	thief := f.browser()
	thief.header.Set("Cookie", planted.Name+"="+planted.Value)
	if got := thief.get("/people"); got.code == http.StatusOK {
		t.Error("whoever planted the cookie is an admin")
	}
}
