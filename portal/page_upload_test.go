package portal

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/shopspring/decimal"
)

// Upload shows an upload with a document of each kind.
func (d *stubAPI) Upload(_ context.Context, r daemon.UploadRequest) (daemon.Upload, error) {
	b := &daemon.UploadedBalance{EnterpriseNumber: "0403170701", Name: hostile, Model: balance.Full,
		FiscalYear: balance.Period{End: balance.Date{Year: 2025, Month: 12, Day: 31}}, Values: balance.Values{{Code: "1003"}: decimal.New(45, -1)}}
	c := daemon.Client{FirmID: 1, CompanyID: 2, Firm: hostile, Name: hostile, EnterpriseNumber: "0403170701"}
	return daemon.Upload{ID: r.ID, By: hostile, Items: []daemon.UploadItem{
		{ID: "A", Name: hostile, State: daemon.UploadRead, Version: 3, Balance: b, Outlook: &daemon.UploadOutlook{Kind: daemon.OutlookEmpty, Company: &c}},
		{ID: "B", Name: "b", State: daemon.UploadRead, Balance: b, Client: &c, Outlook: &daemon.UploadOutlook{Kind: daemon.OutlookWaits, Reason: ledger.NumbersDiffer}},
		{ID: "C", Name: "c", State: daemon.UploadRead, Balance: b, Outlook: &daemon.UploadOutlook{Kind: daemon.OutlookWaits, Reason: ledger.SeveralCompanies, Candidates: []daemon.Client{c}}},
		{ID: "D", Name: "d", State: daemon.UploadUnusable, Code: problem.Unreadable, Problem: hostile, Cause: balance.CauseScan},
		{ID: "E", Name: "e", State: daemon.UploadStored},
	}, Skipped: []daemon.SkippedFile{{Name: hostile, Why: hostile}}, SkippedMore: 2, Others: []string{hostile}}, nil
}

func TestUploadPages(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.API = &stubAPI{API: &daemontest.API{}} })
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	for _, path := range []string{"/upload", "/upload/X", "/upload/X/A", "/upload/X/B", "/upload/X/C", "/upload/X/D?q=x", "/upload/X/E"} {
		got := ann.request(http.MethodGet, path, nil, nil)
		if got.code != http.StatusOK || strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s gives %d: %.300s", path, got.code, got.body)
		}
	}
	if page := ann.get("/upload/X").body; !strings.Contains(page, "Dit is een scan") {
		t.Errorf("why a document cannot be used is not said in Dutch: %s", page)
	}
	if got := ben.request(http.MethodPost, "/upload/X/B/client", strings.NewReader("firm=1&company=2&number_differs=x"),
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}); got.code != http.StatusForbidden {
		t.Errorf("staff may say that two numbers may differ: %d", got.code)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("files", "../../x.csv")
	if err == nil {
		_, err = part.Write([]byte("content"))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	got := ben.request(http.MethodPost, "/upload", &form, map[string]string{"Content-Type": w.FormDataContentType()})
	if got.code != http.StatusSeeOther {
		t.Errorf("an upload gives %d: %.300s", got.code, got.body)
	}
}
