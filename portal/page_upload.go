package portal

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// maxUploadBody bounds what is uploaded at once: the files, and what a browser writes
// around each.
const maxUploadBody = daemon.MaxUploadBytes + daemon.MaxUploadFiles<<12

// maxOpenFigures is up to how many documents a page shows with their figures.
const maxOpenFigures = 10

func (h *Handler) uploadRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/upload", access: staff, handle: uploadsPage, nav: "nav.upload"},
		{method: http.MethodPost, path: "/upload", access: staff, handle: uploadFiles, maxBody: maxUploadBody},
		{method: http.MethodGet, path: "/upload/{upload}", access: staff, handle: uploadPage},
		{method: http.MethodGet, path: "/upload/{upload}/{item}", access: staff, handle: uploadItemPage},
		{method: http.MethodPost, path: "/upload/{upload}/check", access: staff, handle: checkUpload},
		{method: http.MethodPost, path: "/upload/{upload}/confirm", access: staff, handle: confirmUpload},
		{method: http.MethodPost, path: "/upload/{upload}/discard", access: staff, handle: discardUpload},
		{method: http.MethodPost, path: "/upload/{upload}/{item}/client", access: staff, handle: chooseClient},
	}
}

// uploadsPage shows the form, and the uploads that are there.
func uploadsPage(rq *request) error {
	list, err := rq.API.Uploads(rq.r.Context())
	if err != nil {
		return err
	}
	return rq.renderPage("uploads", struct {
		Uploads          []daemon.Upload
		Files, Megabytes int
	}{list, daemon.MaxUploadFiles, daemon.MaxUploadBytes >> 20})
}

// uploadFiles keeps the files of a form as they arrive, and has them read.
func uploadFiles(rq *request) error {
	parts, err := rq.r.MultipartReader()
	if err != nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	u, err := rq.saveFiles(parts)
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			err = problem.New(problem.TooLarge, "more was uploaded than is taken at once", "")
		}
		if u != "" { // part of it would be mistaken for all of it
			err = errors.Join(err, rq.API.DiscardUpload(context.WithoutCancel(rq.r.Context()), daemon.UploadRequest{ID: u, By: rq.person.Name}))
		}
		return err
	}
	if u == "" {
		rq.flashWarning("upload.no-file")
		return rq.redirect("/upload")
	}
	rq.startCheck(u)
	return rq.redirect("/upload/" + u)
}

// saveFiles keeps each file of a form, and returns the id of the upload; empty when
// there is no file.
func (rq *request) saveFiles(parts *multipart.Reader) (upload string, err error) {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return upload, nil
		}
		if err != nil {
			return upload, uploadBroken(err)
		}
		if part.FormName() != "files" || part.FileName() == "" {
			continue
		}
		content := &uploadReader{r: part, conn: http.NewResponseController(rq.w)}
		u, err := rq.API.UploadFile(rq.r.Context(), daemon.UploadFileRequest{Upload: upload, Name: part.FileName(), By: rq.person.Name}, content)
		if content.err != nil {
			return upload, uploadBroken(content.err)
		}
		if err != nil {
			return upload, err
		}
		upload = u.ID
	}
}

// uploadBroken says what is wrong with a body that cannot be read.
func uploadBroken(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return accounts.Refusal{Status: http.StatusBadRequest}
}

// uploadReader reads a file for as long as the browser sends: the time that a request
// may take begins anew with each piece.
type uploadReader struct {
	r    io.Reader
	conn *http.ResponseController
	err  error
}

func (u *uploadReader) Read(p []byte) (int, error) {
	now := time.Now()
	_ = u.conn.SetReadDeadline(now.Add(readTimeout)) // a test's connection may have no deadlines
	_ = u.conn.SetWriteDeadline(now.Add(readTimeout + writeTimeout))
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// uploadChecks counts the checks of uploads that were started and did not end. The zero
// value is ready to use, and it is safe for concurrent use.
type uploadChecks struct {
	mu      sync.Mutex
	started map[string]int // by the id of the upload
}

// begin counts a check of an upload until end is called.
func (c *uploadChecks) begin(id string) (end func()) {
	c.add(id, 1)
	return func() { c.add(id, -1) }
}

func (c *uploadChecks) add(id string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started == nil {
		c.started = map[string]int{}
	}
	if c.started[id] += by; c.started[id] == 0 {
		delete(c.started, id)
	}
}

// running reports whether a check of an upload did not end yet.
func (c *uploadChecks) running(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started[id] > 0
}

// startCheck has an upload read and compared in the background.
func (rq *request) startCheck(id string) {
	ctx, cancel := background(rq.r.Context())
	r := daemon.UploadRequest{ID: id, By: rq.person.Name}
	end := rq.checks.begin(id)
	go func() {
		defer cancel()
		defer end()
		if _, err := rq.API.CheckUpload(ctx, r); err != nil {
			rq.Log.Warn().Err(err).Str("code", string(problem.Of(err).Code)).Msg("an upload could not be checked")
		}
	}()
}

// uploadView is an upload as its page shows it.
type uploadView struct {
	daemon.Upload

	Rows    []uploadRow
	Polling bool // something is still under way, so that nothing can be ticked
	Ready   int  // how many can be confirmed
	Unread  bool // a check ended before it came to all documents
	Figures bool // each document is shown with its figures
	Job     *jobView
}

// uploadRow is a document of an upload.
type uploadRow struct {
	daemon.UploadItem

	Upload   string
	Result   *entryView // once it was confirmed
	Sections []valueSection
	Admin    bool
	Idle     bool // nothing is under way that changes it
}

// OutlookKey returns the message that says what would become of it.
func (r uploadRow) OutlookKey() string {
	switch {
	case r.Outlook == nil && r.Idle:
		return "upload.outlook-unknown"
	case r.Outlook == nil:
		return "upload.outlook-reading"
	case r.ClientMissing():
		return "upload.outlook-no-number"
	case r.Outlook.Kind == daemon.OutlookWaits:
		return "case." + caseOf(ledger.Waiting, r.Outlook.Reason, "") + ".title"
	default:
		return cmp.Or(outlookMessages[r.Outlook.Kind], "upload.outlook-unknown")
	}
}

var outlookMessages = map[daemon.OutlookKind]string{
	daemon.OutlookEqual: "upload.outlook-equal", daemon.OutlookEmpty: "upload.outlook-empty", daemon.OutlookOurs: "upload.outlook-ours",
	daemon.OutlookDiffers: "upload.outlook-differs", daemon.OutlookOlder: "upload.outlook-older", daemon.OutlookKnown: "upload.outlook-known",
}

// Class returns the CSS class of the outlook.
func (r uploadRow) Class() string {
	switch {
	case r.State == daemon.UploadUnusable:
		return "bad"
	case r.Outlook == nil:
		return ""
	case r.Undecided() || r.Outlook.Kind == daemon.OutlookWaits || r.Outlook.Kind == daemon.OutlookUnknown:
		return "warn"
	default:
		return "well"
	}
}

// Reading reports whether it is not known yet what would become of it.
func (r uploadRow) Reading() bool { return r.State == daemon.UploadStored }

// Unusable reports whether nothing can be delivered of it.
func (r uploadRow) Unusable() bool { return r.State == daemon.UploadUnusable }

// CanChoose reports whether its client can be chosen.
func (r uploadRow) CanChoose() bool { return r.State == daemon.UploadRead }

// NeedsClient reports whether a person should say whose document it is.
func (r uploadRow) NeedsClient() bool {
	if !r.CanChoose() || r.Outlook == nil {
		return false
	}
	switch r.Outlook.Reason {
	case ledger.NoCompany, ledger.SeveralCompanies, ledger.NumbersDiffer:
		return true
	default:
		return r.ClientMissing()
	}
}

// NeedsWord reports whether an admin may say that two enterprise numbers differ.
func (r uploadRow) NeedsWord() bool {
	return r.Client != nil && r.Outlook != nil && r.Outlook.Reason == ledger.NumbersDiffer && len(r.Outlook.Candidates) == 0
}

// uploadPage shows an upload, or the part of it that htmx asks for again.
func uploadPage(rq *request) error {
	id := rq.r.PathValue("upload")
	checking := rq.checks.running(id) // asked first: what it did is then in the upload
	j, delivering := rq.jobs.find(func(j *job) bool { return j.Upload == id })
	u, err := rq.API.Upload(rq.r.Context(), daemon.UploadRequest{ID: id})
	if err != nil {
		return err
	}
	view := uploadView{Upload: u, Polling: u.Checking || checking, Figures: len(u.Items) <= maxOpenFigures}
	if delivering {
		job, err := rq.viewJob(j)
		if err != nil {
			return err
		}
		view.Job, view.Polling = &job, view.Polling || job.Running
	}
	for _, it := range u.Items {
		row, err := rq.uploadRow(u.ID, it, view.Figures)
		if err != nil {
			return err
		}
		row.Idle = !view.Polling
		switch {
		case it.Outlook == nil && (it.State == daemon.UploadStored || it.State == daemon.UploadRead):
			view.Unread = !view.Polling
		case it.CanConfirm():
			view.Ready++
		}
		view.Rows = append(view.Rows, row)
	}
	if rq.isPartial() {
		return rq.renderPart("upload", "upload-items", view)
	}
	return rq.renderPage("upload", view)
}

func (rq *request) uploadRow(upload string, it daemon.UploadItem, figures bool) (uploadRow, error) {
	row := uploadRow{UploadItem: it, Upload: upload, Admin: rq.person.Role == accounts.Admin}
	if it.Balance != nil && figures {
		values := make(map[string]string, len(it.Balance.Values))
		for c, v := range it.Balance.Values {
			values[c.String()] = balance.Canonical(v)
		}
		row.Sections = sections(balance.Lang(rq.locale.Lang), values, nil, it.Balance.Findings)
	}
	if it.Entry == 0 {
		return row, nil
	}
	e, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: it.Entry})
	if err != nil {
		return row, err
	}
	view := rq.entry(e.Entry)
	row.Result = &view
	return row, nil
}

// uploadItemPage shows a document with its figures, and the clients to choose among.
func uploadItemPage(rq *request) error {
	ctx := rq.r.Context()
	u, err := rq.API.Upload(ctx, daemon.UploadRequest{ID: rq.r.PathValue("upload")})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(u.Items, func(it daemon.UploadItem) bool { return it.ID == rq.r.PathValue("item") })
	if i < 0 {
		return accounts.Refusal{Status: http.StatusNotFound}
	}
	row, err := rq.uploadRow(u.ID, u.Items[i], true)
	if err != nil {
		return err
	}
	const shown = 50
	search := strings.TrimSpace(rq.r.URL.Query().Get("q"))
	data := struct {
		Row    uploadRow
		Search string
		Found  daemon.ClientPage
		Asked  bool
	}{Row: row, Search: search}
	if row.CanChoose() && (search != "" || row.ClientMissing() || row.Outlook != nil && row.Outlook.Reason == ledger.NoCompany) {
		data.Asked = true
		if data.Found, err = rq.API.Clients(ctx, daemon.ClientQuery{Search: search, Limit: shown, For: traitsOf(row.Balance)}); err != nil {
			return err
		}
	}
	return rq.renderPage("uploaditem", data)
}

// traitsOf returns what a document says of its client, so that those come first that may
// be meant.
func traitsOf(b *daemon.UploadedBalance) daemon.ClientTraits {
	if b == nil {
		return daemon.ClientTraits{}
	}
	return daemon.ClientTraits{Name: b.Name, EnterpriseNumber: b.EnterpriseNumber}
}

// chooseClient records whose document an item is. Only an admin may say that two
// enterprise numbers differ.
func chooseClient(rq *request) error {
	form := rq.r.PostForm
	upload, item := rq.r.PathValue("upload"), rq.r.PathValue("item")
	firm, err1 := strconv.ParseInt("0"+form.Get("firm"), 10, 64)
	company, err2 := strconv.ParseInt("0"+form.Get("company"), 10, 64)
	if errors.Join(err1, err2) != nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	c := daemon.UploadChoice{ID: upload, Items: []string{item}, FirmID: firm, CompanyID: company, Ref: form.Get("ref"), By: rq.person.Name}
	if word := form.Get("number_differs"); word != "" {
		if rq.person.Role != accounts.Admin {
			return accounts.Refusal{Status: http.StatusForbidden}
		}
		c.NumberDiffers = word
	}
	u, err := rq.API.ChooseClient(rq.r.Context(), c)
	if err != nil {
		return err
	}
	for _, it := range u.Items {
		if it.ID == item && !it.CanConfirm() {
			return rq.redirect("/upload/" + upload + "/" + item)
		}
	}
	return rq.redirect("/upload/" + upload)
}

func checkUpload(rq *request) error {
	id := rq.r.PathValue("upload")
	if _, err := rq.API.Upload(rq.r.Context(), daemon.UploadRequest{ID: id}); err != nil {
		return err
	}
	rq.startCheck(id)
	return rq.redirect("/upload/" + id)
}

func discardUpload(rq *request) error {
	if err := rq.API.DiscardUpload(rq.r.Context(), daemon.UploadRequest{ID: rq.r.PathValue("upload"), By: rq.person.Name}); err != nil {
		return err
	}
	rq.flash("upload.discarded")
	return rq.redirect("/upload")
}

// confirmUpload puts the ticked documents into the ledger, and starts a run that
// delivers them.
func confirmUpload(rq *request) error {
	id := rq.r.PathValue("upload")
	var numbers []uint64
	for _, ticked := range rq.r.PostForm["item"] {
		item, version, _ := strings.Cut(ticked, ":")
		seen, err := strconv.ParseUint(version, 10, 64)
		if err != nil {
			return accounts.Refusal{Status: http.StatusBadRequest}
		}
		it, err := rq.API.ConfirmUpload(rq.r.Context(), daemon.UploadConfirmation{ID: id, Item: item, Seen: seen, By: rq.person.Name})
		switch {
		case problem.Is(err, problem.Conflict), problem.Is(err, problem.NumberDiffers), problem.Is(err, problem.NeedsPerson):
			rq.flashWarning("upload.changed", "Name", it.Name)
		case err != nil:
			return err
		case !slices.Contains(numbers, it.Entry):
			numbers = append(numbers, it.Entry)
		}
	}
	if len(rq.r.PostForm["item"]) == 0 {
		rq.flashWarning("upload.none-ticked")
	}
	if len(numbers) == 0 {
		return rq.redirect("/upload/" + id)
	}
	rq.startJob(rq.r.Context(), job{Upload: id}, daemon.SyncRequest{Entries: numbers, Wait: true, By: rq.person.Name})
	return rq.redirect("/upload/" + id)
}
