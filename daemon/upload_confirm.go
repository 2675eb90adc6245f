package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"balansd/ledger"
	"balansd/problem"
)

// UploadChoice says whose documents some items are: the company named by FirmID and
// CompanyID, or the one client that Ref names; with neither, whoever has their
// enterprise number.
type UploadChoice struct {
	ID        string   `json:"id"`
	Items     []string `json:"items"`
	FirmID    int64    `json:"firm_id,omitempty"`
	CompanyID int64    `json:"company_id,omitempty"`
	Ref       string   `json:"ref,omitempty"`
	// NumberDiffers is the name of the company, typed by an admin who saw that
	// its enterprise number is another one than the document's. Whether the
	// caller may say that is for the caller to check.
	NumberDiffers string `json:"number_differs,omitempty"`
	By            string `json:"by,omitempty"`
}

// ChooseClient records whose documents some items are, and says what would become
// of them then.
func (d *Daemon) ChooseClient(ctx context.Context, r UploadChoice) (Upload, error) {
	if _, err := d.uploadFiles(); err != nil {
		return Upload{}, err
	}
	client, err := d.chosenClient(ctx, r)
	if err != nil {
		return Upload{}, err
	}
	for _, item := range r.Items {
		_, err := d.updateItem(ctx, r.ID, item, func(it *UploadItem) (bool, error) {
			if it.State != UploadRead {
				return false, notToBeChanged(*it)
			}
			it.Client = client
			return true, nil
		})
		if err != nil {
			return Upload{}, err
		}
	}
	defer d.uploads.begin(r.ID)()
	if err := d.compareUpload(ctx, r.ID, func(it UploadItem) bool { return slices.Contains(r.Items, it.ID) }); err != nil {
		return Upload{}, err
	}
	u, err := d.loadUpload(r.ID)
	u.Checking = false
	return u, err
}

// chosenClient returns the client that a choice names; nil for none.
func (d *Daemon) chosenClient(ctx context.Context, r UploadChoice) (*Client, error) {
	if r.CompanyID == 0 && r.Ref == "" {
		return nil, nil
	}
	if r.CompanyID == 0 {
		c, err := d.FindClient(ctx, r.Ref)
		c.NumberDiffers = r.NumberDiffers
		return &c, err
	}
	firms, err := d.config().Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(firms, func(f ledger.Firm) bool { return f.ID == r.FirmID })
	if i < 0 {
		return nil, problem.New(problem.NotFound, fmt.Sprintf("Silverfin firm %d is not linked", r.FirmID), "Choose another company.")
	}
	company, err := d.config().Destination(r.FirmID).Company(ctx, r.CompanyID)
	if err != nil {
		return nil, err
	}
	c := clientOf(inFirm{firms[i], company})
	c.NumberDiffers = r.NumberDiffers
	return &c, nil
}

// notToBeChanged says why an item cannot be changed or confirmed.
func notToBeChanged(it UploadItem) error {
	switch {
	case it.State == UploadConfirmed:
		return problem.New(problem.NotAllowed, fmt.Sprintf("%s was confirmed already, as entry %d", it.Name, it.Entry), "")
	case it.State == UploadStored:
		return problem.New(problem.NotAllowed, it.Name+" has not been read yet", "Wait until it has been.")
	case it.State == UploadUnusable:
		return problem.New(problem.NotAllowed, it.Name+" cannot be used: "+it.Problem, it.Next)
	case it.ClientMissing():
		return problem.New(problem.NeedsPerson, it.Name+" gives no enterprise number", "Choose the client that it is of.")
	default:
		return problem.New(problem.NumberDiffers, it.Name+": "+it.Outlook.Detail, "Choose another client. If it is meant, an administrator types the company's name.")
	}
}

// ConfirmUpload puts a document into the ledger, with its content, to be delivered
// at the next run. Once it is there nothing is lost, whatever happens. A document
// that is there already is not added again; one that was dismissed, or had failed,
// is tried again. A Conflict problem says that the item changed since the person
// saw it.
func (d *Daemon) ConfirmUpload(ctx context.Context, r UploadConfirmation) (UploadItem, error) {
	files, err := d.uploadFiles()
	if err != nil {
		return UploadItem{}, err
	}
	defer d.uploads.locks.Lock(r.ID)()
	it, err := d.loadItem(r.ID, r.Item)
	switch {
	case err != nil:
		return it, err
	case it.State == UploadConfirmed:
		return it, nil
	case it.Version != r.Seen:
		return it, problem.New(problem.Conflict, it.Name+" was changed since it was looked at", "Look at it again, and confirm it then.")
	case !it.CanConfirm():
		return it, notToBeChanged(it)
	}
	content, err := files.Load(r.ID, it.ID)
	if err != nil {
		return it, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != it.SHA256 {
		return it, problem.New(problem.Damaged, it.Name+" was changed on this server since it was handed in", "Upload it again.")
	}
	word, err := d.linkUpload(ctx, it, r.By)
	if err != nil {
		return it, err
	}
	e, err := d.recordUpload(ctx, it, content, r.By)
	if err != nil {
		return it, err
	}
	if word.NumberDiffers.Confirmed() {
		it.NumberDiffers = &word.NumberDiffers
		if err := d.recordNumberDiffers(ctx, e, word, r.By); err != nil {
			return it, err
		}
	}
	it.State, it.Entry = UploadConfirmed, e.Number
	it.Version++
	if err := d.saveItem(ctx, r.ID, it); err != nil {
		return it, err
	}
	return it, files.Delete(r.ID, it.ID)
}

// linkUpload has the dossier of an item go to the company that a person chose, unless
// it goes there by its number. It returns the link that was set.
func (d *Daemon) linkUpload(ctx context.Context, it UploadItem, by string) (ledger.DossierLink, error) {
	link, chosen := it.link()
	if !chosen {
		return ledger.DossierLink{}, nil
	}
	r, err := d.previewRun(ctx)
	if err != nil {
		return link, err
	}
	ix, err := d.uploadCompanies(ctx, r)
	if err != nil {
		return link, err
	}
	in, err := r.matchUpload(ctx, it, it.entry(r.cfg))
	if waits(err) {
		return link, problem.New(problem.NumberDiffers, it.Name+": "+err.Error(), "Choose another client. If it is meant, an administrator types the company's name.")
	}
	if err != nil {
		return link, err
	}
	stored, err := d.config().Store.Links(ctx)
	if err != nil {
		return link, err
	}
	before := d.storedLink(ctx, stored, &link)
	hits := ix.byNumber[link.EnterpriseNumber]
	byNumber := link.EnterpriseNumber != "" && len(hits) == 1 && in.company.ID == hits[0].company.ID && in.firm.ID == hits[0].firm.ID
	if byNumber && before.CompanyID == 0 {
		return ledger.DossierLink{}, nil
	}
	link.From, link.All, link.Paused, link.Note = before.From, before.All, before.Paused, before.Note
	return d.Link(ctx, LinkRequest{DossierLink: link, By: by})
}

// recordNumberDiffers adds to the history of an uploaded entry that an administrator
// said that the two numbers may differ.
func (d *Daemon) recordNumberDiffers(ctx context.Context, e ledger.Entry, word ledger.DossierLink, by string) error {
	event, says := linkChange{after: word}.event(e, by)
	if !says {
		return nil
	}
	event.At = d.config().Now()
	_, err := d.config().Store.Move(ctx, ledger.Move{Entry: e, Event: event})
	if problem.Is(err, problem.Conflict) { // a run has it already
		return nil
	}
	return err
}

// recordUpload puts a document into the ledger.
func (d *Daemon) recordUpload(ctx context.Context, it UploadItem, content []byte, by string) (ledger.Entry, error) {
	cfg := d.config()
	e := it.entry(cfg)
	uploads := ledger.Connection{ID: ledger.UploadsID, Kind: ledger.Upload, Name: "Uploads", Status: ledger.Active, ActivatedAt: e.FoundAt}
	move := ledger.Move{Entry: e, Document: content, Event: ledger.Event{At: e.FoundAt, By: by, State: e.State, Act: ledger.ActUpload,
		Text: fmt.Sprintf("%s uploaded %s, SHA-256 %s", name(by), it.Name, it.SHA256)}}
	e, added, err := cfg.Store.RecordUpload(ctx, uploads, move)
	if err != nil {
		return e, err
	}
	d.log().Info().Uint64("entry", e.Number).Str("by", by).Str("sha256", it.SHA256).Bool("added", added).Msg("an uploaded document was confirmed")
	if !added && (e.State == ledger.Ignored || e.State == ledger.Failed) {
		return d.Retry(ctx, EntryRequest{Number: e.Number, By: by})
	}
	return e, nil
}
