package portal

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/shopspring/decimal"
)

// oneUpload is an API with one upload: each file of it is a balance without an enterprise
// number, so that a person chooses whose it is.
type oneUpload struct {
	*daemontest.API

	full    bool          // there is no room for a file
	checked chan struct{} // a check waits for it, when not nil

	mu        sync.Mutex
	upload    daemon.Upload
	discarded bool
}

func (o *oneUpload) UploadFile(_ context.Context, r daemon.UploadFileRequest, content io.Reader) (daemon.Upload, error) {
	text, err := io.ReadAll(content)
	if err != nil {
		return daemon.Upload{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full && len(o.upload.Items) > 0 {
		return daemon.Upload{}, problem.New(problem.TooLarge, "there is no room", "")
	}
	o.upload.ID, o.upload.By = "U", r.By
	o.upload.Items = append(o.upload.Items, daemon.UploadItem{ID: "ABC"[len(o.upload.Items):][:1], Name: r.Name, Size: int64(len(text)), State: daemon.UploadStored, Version: 1})
	return o.upload, nil
}

func (o *oneUpload) CheckUpload(context.Context, daemon.UploadRequest) (daemon.Upload, error) {
	if o.checked != nil {
		<-o.checked
	}
	return o.change(func(it *daemon.UploadItem) {
		it.State, it.Version = daemon.UploadRead, it.Version+1
		it.Balance = &daemon.UploadedBalance{Values: balance.Values{{Code: "1003"}: decimal.New(45, -1)}}
		it.Outlook = &daemon.UploadOutlook{Kind: daemon.OutlookWaits, Reason: ledger.NoCompany}
	}), nil
}

// change changes the items, and returns the upload.
func (o *oneUpload) change(do func(*daemon.UploadItem)) daemon.Upload {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.upload.Items {
		do(&o.upload.Items[i])
	}
	u := o.upload
	u.Items = slices.Clone(u.Items)
	return u
}

func (o *oneUpload) Upload(context.Context, daemon.UploadRequest) (daemon.Upload, error) {
	return o.change(func(*daemon.UploadItem) {}), nil
}

func (o *oneUpload) Clients(context.Context, daemon.ClientQuery) (daemon.ClientPage, error) {
	return daemon.ClientPage{Clients: []daemon.Client{{FirmID: 1, CompanyID: 2, Name: "Bakkerij Peeters"}}, Total: 1}, nil
}

func (o *oneUpload) ChooseClient(_ context.Context, r daemon.UploadChoice) (daemon.Upload, error) {
	c := daemon.Client{FirmID: r.FirmID, CompanyID: r.CompanyID, Name: "Bakkerij Peeters"}
	return o.change(func(it *daemon.UploadItem) {
		if slices.Contains(r.Items, it.ID) {
			it.Client, it.Outlook, it.Version = &c, &daemon.UploadOutlook{Kind: daemon.OutlookEmpty, Company: &c}, it.Version+1
		}
	}), nil
}

func (o *oneUpload) ConfirmUpload(_ context.Context, r daemon.UploadConfirmation) (daemon.UploadItem, error) {
	var found daemon.UploadItem
	o.change(func(it *daemon.UploadItem) {
		if it.ID != r.Item {
			return
		}
		if it.Version == r.Seen {
			it.State, it.Entry = daemon.UploadConfirmed, 7
		}
		found = *it
	})
	if found.Entry == 0 {
		return found, problem.New(problem.Conflict, "it has changed", "")
	}
	return found, nil
}

func (o *oneUpload) DiscardUpload(context.Context, daemon.UploadRequest) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.discarded = true
	return nil
}

// filesForm is a form of files as a browser writes it, and its type.
func filesForm(t *testing.T, names ...string) (*bytes.Buffer, map[string]string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, name := range names {
		part, err := w.CreateFormFile("files", name)
		if err == nil {
			_, err = part.Write(bytes.Repeat([]byte("1003;4,5\r\n"), 100))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &form, map[string]string{"Content-Type": w.FormDataContentType()}
}

// settled gets a page again until nothing is under way on it, as a person without scripts
// does.
func (b *browser) settled(path string) reply {
	b.f.t.Helper()
	for {
		got := b.get(path)
		if got.code != http.StatusOK {
			b.f.t.Fatalf("%s gives %d: %.300s", path, got.code, got.body)
		}
		if !strings.Contains(got.body, "hx-get") {
			return got
		}
	}
}

// Uploading, choosing a client, confirming and seeing the result take forms and links
// alone, and nothing can be ticked while a check may still change it.
func TestUploadWithoutScripts(t *testing.T) {
	api := &oneUpload{API: &daemontest.API{}, checked: make(chan struct{})}
	f := newFixture(t, func(c *Config) { c.API = api })
	ben := f.signedIn(benName)
	form, header := filesForm(t, "balans.csv", "andere.csv")
	got := ben.request(http.MethodPost, "/upload", form, header)
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/upload/U" {
		t.Fatalf("the upload gives %d to %s", got.code, got.header.Get("Location"))
	}
	page := ben.get("/upload/U").body
	if !strings.Contains(page, "hx-get") || !strings.Contains(page, `<a href="/upload/U">`) || strings.Contains(page, `name="item"`) {
		t.Errorf("while it is read, the page is %s", page)
	}
	close(api.checked)
	page = ben.settled("/upload/U").body
	if !strings.Contains(page, `href="/upload/U/A#client"`) || !strings.Contains(page, "Geen ondernemingsnummer") || strings.Contains(page, `name="item"`) {
		t.Fatalf("nothing asks whose document it is: %s", page)
	}
	if page = ben.get("/upload/U/A").body; !strings.Contains(page, "Bakkerij Peeters") {
		t.Fatalf("no client can be chosen: %s", page)
	}
	if got = ben.post("/upload/U/A/client", "firm", "1", "company", "2"); got.header.Get("Location") != "/upload/U" {
		t.Fatalf("a choice gives %d to %s", got.code, got.header.Get("Location"))
	}
	if page = ben.get("/upload/U").body; !strings.Contains(page, `value="A:3" aria-label="balans.csv bevestigen" checked`) {
		t.Fatalf("what a person chose cannot be confirmed: %s", page)
	}
	ben.post("/upload/U/confirm", "item", "A:2")
	if page = ben.get("/upload/U").body; !strings.Contains(page, "balans.csv is intussen gewijzigd") {
		t.Errorf("what changed meanwhile is confirmed: %s", page)
	}
	if got = ben.post("/upload/U/confirm", "item", "A:3"); got.header.Get("Location") != "/upload/U" {
		t.Fatalf("a confirmation gives %d to %s", got.code, got.header.Get("Location"))
	}
	page = ben.settled("/upload/U").body
	if !strings.Contains(page, `href="/dossiers/`) || !strings.Contains(page, "De synchronisatie is voltooid") {
		t.Errorf("the result is not on the page: %s", page)
	}
}

// An upload that does not arrive whole is forgotten, and a person learns why.
func TestUploadThatIsNotWhole(t *testing.T) {
	form, header := filesForm(t, "balans.csv", "andere.csv")
	for name, c := range map[string]struct {
		body []byte
		full bool
		code int
	}{
		"cut off": {body: form.Bytes()[:form.Len()-700], code: http.StatusBadRequest},
		"no room": {body: form.Bytes(), full: true, code: http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			api := &oneUpload{API: &daemontest.API{}, full: c.full}
			ben := newFixture(t, func(cfg *Config) { cfg.API = api }).signedIn(benName)
			got := ben.request(http.MethodPost, "/upload", bytes.NewReader(c.body), header)
			if got.code != c.code || !strings.Contains(got.body, "<h1") {
				t.Errorf("it gives %d, want %d: %s", got.code, c.code, got.body)
			}
			if !api.discarded {
				t.Error("a part of it is kept")
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		api := &oneUpload{API: &daemontest.API{}}
		ben := newFixture(t, func(cfg *Config) { cfg.API = api }).signedIn(benName)
		form, header := filesForm(t)
		got := ben.request(http.MethodPost, "/upload", form, header)
		if got.code != http.StatusSeeOther || !strings.Contains(ben.get("/upload").body, "Kies eerst een bestand") {
			t.Errorf("it gives %d", got.code)
		}
	})
}

// More than may be uploaded at once is refused before it is read.
func TestUploadBodyLimit(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/upload", http.NoBody)
	r.ContentLength = maxUploadBody + 1
	address, err := url.Parse(f.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range ben.client.Jar.Cookies(address) {
		r.AddCookie(c)
	}
	r.Host = address.Host
	w := httptest.NewRecorder()
	f.web.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("it gives %d", w.Code)
	}
}

// A check that ended before it came to a document leaves the page still, and says so.
func TestUploadWhoseCheckStopped(t *testing.T) {
	api := &oneUpload{API: &daemontest.API{}}
	api.upload = daemon.Upload{ID: "U", Items: []daemon.UploadItem{{ID: "A", Name: "balans.csv", State: daemon.UploadStored}}}
	page := newFixture(t, func(c *Config) { c.API = api }).signedIn(benName).get("/upload/U").body
	if strings.Contains(page, "hx-get") || !strings.Contains(page, "Niet alle bestanden werden gelezen") {
		t.Errorf("the page is %s", page)
	}
}
