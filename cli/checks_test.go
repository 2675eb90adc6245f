package cli

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balansd/daemon"
)

// checked returns the results of doctor by name.
func (f *fixture) checked(code int) map[string]daemon.Check {
	f.t.Helper()
	report := read[struct{ Checks []daemon.Check }](f.t, f, code, "doctor")
	all := map[string]daemon.Check{}
	for _, c := range report.Checks {
		if c.Well != (c.Outcome == daemon.CheckWell) || c.Well != (c.Code == "") || c.Text == "" {
			f.t.Errorf("the result contradicts itself: %+v", c)
		}
		all[c.Name] = c
	}
	return all
}

// TestDoctorLooksWithTheSurroundingsOfTheService gives the service, and it alone, a proxy
// that does not answer. The command would get through.
func TestDoctorLooksWithTheSurroundingsOfTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	if c := f.checked(0)["Finbox"]; !strings.Contains(c.Text, "answers directly") {
		t.Errorf("without the service: %+v", c)
	}
	f.daemon("BALANSD_NETWORK_PROXY=http://127.0.0.1:1")
	c := f.checked(1)["Finbox"]
	if c.Well || !strings.Contains(c.Text, "through the proxy http://127.0.0.1:1") || !strings.Contains(c.Next, "network.proxy") {
		t.Errorf("the proxy of the service: %+v", c)
	}
	f.want(1, "WRONG  Finbox", "doctor")
}

// TestDoctorUsesThePasswordOfTheProxy signs in to a proxy with the password of a file.
func TestDoctorUsesThePasswordOfTheProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("me:hunter2")) {
			w.WriteHeader(http.StatusProxyAuthRequired)
		}
	}))
	t.Cleanup(proxy.Close)
	address := strings.Replace(proxy.URL, "http://", "http://me@", 1)
	f := newFixture(t, fixtureOptions{more: "network: {proxy: '" + address + "', proxy_password_file: proxy.password}\n"})
	f.write("proxy.password", "hunter1")
	f.want(1, "Put the proxy's user name into network.proxy", "doctor")
	f.write("proxy.password", "hunter2\n")
	r := f.want(0, "answers through the proxy", "doctor")
	if strings.Contains(r.stdout+r.stderr, "hunter2") {
		t.Errorf("the password is in:\n%s%s", r.stdout, r.stderr)
	}
}

// TestDoctorMissesTheDataKeyOfTheService removes the data key under a running service, and
// beside none.
func TestDoctorMissesTheDataKeyOfTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	d := f.daemon()
	if c := f.checked(0)["data key"]; c.Text != "opens the sign-ins that are kept" {
		t.Errorf("with its key: %+v", c)
	}
	if err := os.Remove(f.dataKey()); err != nil {
		t.Fatal(err)
	}
	if c := f.checked(2)["data key"]; c.Well || !strings.Contains(c.Text, "is missing, and secrets are sealed with it") {
		t.Errorf("without its key: %+v", c)
	}
	d.stop(t)
	if c := f.checked(2)["data key"]; c.Well || !strings.Contains(c.Text, "is missing, and secrets are sealed with it") {
		t.Errorf("without its key and the service: %+v", c)
	}
}

// TestDoctorSaysWhoLooked checks that the answer says in whose surroundings it is true.
func TestDoctorSaysWhoLooked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.want(0, "does not run, so that this command looked", "doctor")
	f.daemon()
	f.want(0, "answers, and looked itself", "doctor")
}

// TestCheckThatHangs leaves a check behind that does not end with its context.
func TestCheckThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung, start := make(chan struct{}), time.Now()
		defer close(hung)
		got := runCheck(t.Context(), checkLimit, "a share", func(context.Context) []daemon.Check {
			<-hung
			return nil
		})
		if len(got) != 1 || got[0].Outcome != daemon.CheckWrong || got[0].Name != "a share" || time.Since(start) != checkLimit+checkGrace {
			t.Errorf("after %s: %+v", time.Since(start), got)
		}
		// One that obeys says itself how far it came.
		got = runCheck(t.Context(), checkLimit, "a share", func(ctx context.Context) []daemon.Check {
			<-ctx.Done()
			return one(daemon.NewCheck("a share", "seen in part", nil))
		})
		if len(got) != 1 || got[0].Text != "seen in part" {
			t.Errorf("%+v", got)
		}
	})
}

// TestExitCodeOfChecks: what is wrong decides, whatever a person should do later.
func TestExitCodeOfChecks(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	well, later := daemon.NewCheck("a", "fine", nil), daemon.NewWarning("b", "ends", "Renew it.")
	wrong := daemon.NewCheck("c", "", os.ErrNotExist)
	for want, list := range map[int][]daemon.Check{0: {well}, 3: {well, later}, 1: {later, wrong, well}} {
		app := &App{env: Env{Stdout: newOutput(), Stderr: newOutput()}}
		if got := app.report(f.t.Context(), app.showChecks(list)); got != want {
			t.Errorf("%+v: exit code %d, want %d", list, got, want)
		}
	}
}
