package portal

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"balansd/daemon"
	"balansd/ledger"
)

// downloadDocument answers with the document as a download: a browser must save it and
// never display it.
func downloadDocument(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	d, err := rq.API.Document(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number})
	if err != nil {
		return err
	}
	return rq.sendAsDownload(f.Entry, d.Data)
}

// sendAsDownload answers with a document that a browser must save.
func (rq *request) sendAsDownload(e ledger.Entry, data []byte) error {
	h := rq.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+documentName(e, data)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = rq.download().Write(data)
	return nil
}

// documentName returns the file name. It has nothing of the document itself but its
// number, its year and its type.
func documentName(e ledger.Entry, data []byte) string {
	ending := "csv"
	head := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		ending = "pdf"
	case bytes.HasPrefix(head, []byte("<")):
		ending = "xbrl"
	case bytes.HasPrefix(head, []byte("{")):
		ending = "json"
	}
	name := "sociale-balans"
	if n := e.Dossier.EnterpriseNumber.String(); enterpriseNumber.MatchString(n) {
		name += "-" + n
	}
	if y := e.FiscalYear.End.Year; y > 1900 && y < 10_000 {
		name += fmt.Sprintf("-%d", y)
	}
	return fmt.Sprintf("%s-%d.%s", name, e.Number, ending)
}

var enterpriseNumber = regexp.MustCompile(`^[0-9]{10}$`)
