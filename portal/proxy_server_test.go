//go:build linux

package portal

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/internal/testenv"

	"github.com/chromedp/chromedp"
)

// configurationsOfManual returns the configurations of a reverse proxy in the manual: the
// one of a host of its own, and the one at a path.
func configurationsOfManual(t *testing.T, language string) (root, atPath string) {
	t.Helper()
	manual, err := os.ReadFile("../docs/it-admin.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(manual, -1)
	switch {
	case language == "nginx" && len(blocks) == 1:
		root = string(blocks[0][1])
		return root, strings.Replace(root, "location / {", "location /balansd/ {", 1) // as the manual says
	case language == "caddyfile" && len(blocks) == 2:
		return string(blocks[0][1]), string(blocks[1][1])
	}
	t.Fatalf("the manual has %d blocks of %s", len(blocks), language)
	return "", ""
}

// replaceAll replaces each pattern, which must be there.
func replaceAll(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		pattern := regexp.MustCompile(pairs[i])
		if !pattern.MatchString(text) {
			t.Fatalf("no %s in:\n%s", pairs[i], text)
		}
		text = pattern.ReplaceAllString(text, strings.ReplaceAll(pairs[i+1], "$", "$$"))
	}
	return text
}

// startNginx runs nginx with a server of the manual, at an address of this machine.
func startNginx(t *testing.T, server, listen, behind string) {
	t.Helper()
	testenv.Need(t, testenv.Proxies, "nginx")
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "localhost")
	server = replaceAll(t, server, `listen 443 ssl`, "listen "+listen+" ssl", `ssl_certificate [^;]*`, "ssl_certificate "+cert,
		`ssl_certificate_key [^;]*`, "ssl_certificate_key "+key, `127\.0\.0\.1:8417`, behind)
	config := fmt.Sprintf("user root;\npid %[1]s/pid;\nevents {}\nhttp {\naccess_log off;\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	startProxy(t, listen, dir, config+server+"}\n", "nginx", "-e", "stderr", "-g", "daemon off;", "-c")
}

// startCaddy runs Caddy with a site of the manual, at an address of this machine.
func startCaddy(t *testing.T, site, listen, behind string) {
	t.Helper()
	testenv.Need(t, testenv.Proxies, "caddy")
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "localhost")
	site = replaceAll(t, site, `(?m)^[a-z.]*kantoor\.example`, "https://"+strings.Replace(listen, "127.0.0.1", "localhost", 1), `tls .*`, "tls "+cert+" "+key, `127\.0\.0\.1:8417`, behind)
	startProxy(t, listen, dir, "{\nadmin off\nauto_https disable_redirects\n}\n"+site, "caddy", "run", "--adapter", "caddyfile", "--config")
}

// startProxy runs a reverse proxy until the test ends. The last argument is its
// configuration.
func startProxy(t *testing.T, listen, dir, config string, command ...string) {
	t.Helper()
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], append(command[1:], file)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := <-ended
		if t.Failed() {
			t.Logf("%s ended with %v, with\n%s\nand said:\n%s", command[0], err, config, &log)
		}
	})
	awaitListener(t, listen, func() {
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("%s ends with %v:\n%s", command[0], err, &log)
		default:
		}
	})
}

// awaitListener waits until a program listens at an address, and calls check meanwhile.
func awaitListener(t *testing.T, address string, check func()) {
	t.Helper()
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return
		}
		check()
	}
}

// countingAPI counts the bytes of what is uploaded.
type countingAPI struct {
	*daemontest.API

	bytes int64
}

func (c *countingAPI) UploadFile(_ context.Context, _ daemon.UploadFileRequest, content io.Reader) (daemon.Upload, error) {
	n, err := io.Copy(io.Discard, content)
	c.bytes += n
	return daemon.Upload{ID: "u1"}, err
}

// behind gives a browser whose requests go through a proxy under TLS, from an address that
// is no proxy's.
func (f *fixture) behind(base string) *browser {
	b := f.browser()
	b.client.Transport = &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}
	f.server.URL = base
	b.header.Set("X-Forwarded-For", "203.0.113.9") // as a client may write it
	return b
}

// upload posts a file of a size, as a browser does.
func (b *browser) upload(path string, size int64) reply {
	b.f.t.Helper()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("files", "large.zip")
		if err == nil {
			_, err = io.CopyN(part, endless{}, size)
		}
		if err == nil {
			err = form.Close()
		}
		_ = w.CloseWithError(err)
	}()
	return b.request(http.MethodPost, path, r, map[string]string{"Content-Type": form.FormDataContentType()})
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestBehindProxies runs nginx and Caddy with the configurations of the manual: each serves
// the pages under TLS, at a host of their own and at a path, and says who asks.
func TestBehindProxies(t *testing.T) {
	for _, proxy := range []struct {
		language string
		start    func(t *testing.T, config, listen, behind string)
	}{{"nginx", startNginx}, {"caddyfile", startCaddy}} {
		testenv.Need(t, testenv.Proxies)
		root, atPath := configurationsOfManual(t, proxy.language)
		for path, config := range map[string]string{"": root, "/balansd": atPath} {
			t.Run(proxy.language+path, func(t *testing.T) {
				_, port, _ := net.SplitHostPort(testenv.UnusedAddress(t))
				base := "https://localhost:" + port + path
				api := &countingAPI{API: &daemontest.API{}}
				f := newFixture(t, behindProxy, func(c *Config) { c.URL, c.API = base, api })
				proxy.start(t, config, "127.0.0.1:"+port, f.server.Listener.Addr().String())
				checkBehindProxy(t, f, base, path)
				if api.bytes != daemon.MaxUploadBytes {
					t.Errorf("%d bytes of an upload arrived, want %d", api.bytes, int64(daemon.MaxUploadBytes))
				}
			})
		}
	}
}

func checkBehindProxy(t *testing.T, f *fixture, base, path string) {
	t.Helper()
	b := f.behind(base)
	if got := b.get("/sign-in"); got.code != http.StatusOK || got.header.Get("Strict-Transport-Security") == "" || !strings.Contains(got.body, `href="`+path+`/static/`) {
		t.Fatalf("the page to sign in gives %d %v", got.code, got.header)
	}
	for _, inside := range []string{"", "/", "/dossiers"} {
		if inside == "" && path == "" {
			continue
		}
		got := b.get(inside)
		to, err := url.Parse(got.header.Get("Location"))
		if err != nil || got.code/100 != 3 || to.Host != "" && "https://"+to.Host+path != base || !strings.HasPrefix(to.Path, path+"/") {
			t.Errorf("%q gives %d and leads to %q", inside, got.code, got.header.Get("Location"))
		}
	}
	in := b.post("/sign-in", "name", annName, "password", testPassword)
	if in.code != http.StatusSeeOther || in.header.Get("Location") != path+"/" {
		t.Fatalf("signing in gives %d %v", in.code, in.header)
	}
	for _, c := range (&http.Response{Header: in.header}).Cookies() {
		if !c.Secure || c.Path != path+"/" {
			t.Errorf("the cookie is %v", c)
		}
	}
	if from := f.records()[0].From; from != "127.0.0.2" {
		t.Errorf("the audit log has a sign-in from %s", from)
	}
	if got := b.get("/dossiers.csv"); got.code != http.StatusOK || !strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the list gives %d %v", got.code, got.header)
	}
	if got := b.upload("/upload", daemon.MaxUploadBytes); got.code != http.StatusSeeOther || got.header.Get("Location") != path+"/upload/u1" {
		t.Errorf("an upload gives %d %v %s", got.code, got.header, got.body)
	}
}

// TestAtAPathInBrowser sets balansd up behind nginx at a path, and syncs: what htmx loads
// by itself, such as the progress of a run, arrives too.
func TestAtAPathInBrowser(t *testing.T) {
	testenv.Need(t, testenv.Browser)
	_, atPath := configurationsOfManual(t, "nginx")
	balansd := ""
	j := newEndToEnd(t, func(listen string) string {
		balansd = listen
		_, port, _ := net.SplitHostPort(testenv.UnusedAddress(t))
		startNginx(t, atPath, "127.0.0.1:"+port, listen)
		return "https://localhost:" + port + "/balansd"
	})
	j.allowError("404") // the simulators have no icon
	j.allowError("401") // the link from Finbox comes without the cookie of the session
	awaitListener(t, balansd, func() {})
	j.acceptFirstInvitation("nl")
	if at := value[string](j.chrome, "location.pathname"); at != "/balansd/" {
		t.Errorf("after the invitation the page is %s", at)
	}
	if _, err := j.sandbox.Demo(); err != nil {
		t.Fatal(err)
	}
	j.do(chromedp.Navigate(j.sandbox.Info().Finbox.URL + "/settings/" + j.connectionID + "?lang=nl"))
	j.click(`button[value="activate"]`)
	j.click("a.button")
	j.do(chromedp.WaitVisible(chromedp.CSS("#id")))
	j.validate(j.connectionID)
	j.visit("/connection")
	value[bool](j.chrome, `document.querySelector('details:has(form[action$="/connection/silverfin"])').open = true`)
	j.fill("#firm", fmt.Sprint(j.firm))
	j.click(`details form[action$="/connection/silverfin"] button`)
	j.fill("#code", j.sandbox.Silverfin.Grant(j.firm))
	j.click(`form[action$="/connection/silverfin/end"] button`)
	j.waitForJob()
	j.expectText("in Silverfin")
	j.syncAll()
	j.checkPage("at-a-path-sync")
	if len(j.sandbox.Silverfin.Writes()) == 0 {
		t.Error("nothing was written")
	}
	for name, path := range map[string]string{"home": "/", "dossiers": "/dossiers", "decisions": "/decisions", "runs": "/nights", "people": "/people"} {
		j.visit(path)
		j.checkPage("at-a-path-" + name)
	}
	j.visit("/dossiers")
	j.do(chromedp.Click(chromedp.CSS("td form.sync button")))
	j.do(chromedp.WaitVisible(chromedp.CSS("td div.sync:not([hx-get])")))
	j.click("td div.sync a")
	if at := j.path(); !strings.HasPrefix(at, "/dossiers/") && !strings.HasPrefix(at, "/sync/") {
		t.Errorf("the result leads to %s", at)
	}
	j.visit("/")
	j.click(`form[action$="/sign-out"] button`)
	if at := j.path(); !strings.HasPrefix(at, "/sign-in") {
		t.Errorf("signing out leads to %s", at)
	}
}
