package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"balansd/internal/keyedlock"
	"balansd/problem"
)

// The limits of an upload.
const (
	MaxUploadFiles    = 200       // handed in at once; a ZIP is one
	MaxUploadBytes    = 200 << 20 // of all files that nobody confirmed yet, together
	MaxUploadBalances = 2000      // in one upload, those in ZIP archives included
	// UploadLife is how long what nobody confirms is kept.
	UploadLife = 24 * time.Hour
)

// maxUploadName bounds the name of a file, in characters.
const maxUploadName = 200

// UploadFiles keeps the files of uploads until they are confirmed. Uploads and
// files are named by letters and digits, and a file's name may end in .json.
// Implementations are safe for concurrent use, except for two writers of one
// file. Errors are problems; a file that is not there is a NotFound problem.
type UploadFiles interface {
	// Save writes a file, whole or not at all. More than limit bytes are a
	// TooLarge problem, and an error of r is returned as it is.
	Save(ctx context.Context, upload, name string, r io.Reader, limit int64) (size int64, sha256 string, err error)
	// Open opens a file for reading; the caller closes it.
	Open(upload, name string) (*os.File, error)
	// Load reads a file.
	Load(upload, name string) ([]byte, error)
	// Delete removes a file, and Remove an upload with all its files.
	Delete(upload, name string) error
	Remove(upload string) error
	// List returns the uploads, and Files the files of one.
	List() ([]string, error)
	Files(upload string) ([]string, error)
	// Size is the number of bytes of all files together.
	Size() (int64, error)
}

// uploads are those that are not confirmed yet.
type uploads struct {
	locks  keyedlock.Lock[string] // of an upload, while its files are changed
	checks keyedlock.Lock[string] // of an upload, while it is checked

	mu       sync.Mutex
	checking map[string]int // how many checks of an upload are under way or wait
	writers  int            // how many files are being written
	taken    int64          // bytes of all files, while some are being written
}

// uploadMeta is what is kept with an upload besides its items.
const uploadMeta = "upload.json"

// UploadFile keeps a file of an upload until it is confirmed, and returns the
// upload without its items.
func (d *Daemon) UploadFile(ctx context.Context, r UploadFileRequest, content io.Reader) (Upload, error) {
	u, err := d.beginUpload(ctx, r)
	if err != nil {
		return u, err
	}
	item := UploadItem{ID: rand.Text(), Name: shownName(r.Name), State: UploadStored, Version: 1}
	err = d.saveContent(ctx, u.ID, &item, content)
	if err == nil {
		u, err = d.addFile(ctx, u.ID, item)
	}
	if err != nil && r.Upload == "" {
		err = errors.Join(err, d.config().Uploads.Remove(u.ID))
	}
	return u, err
}

// beginUpload returns the upload that a file is of, a new one when it names none.
func (d *Daemon) beginUpload(ctx context.Context, r UploadFileRequest) (u Upload, err error) {
	if _, err := d.uploadFiles(); err != nil {
		return u, err
	}
	if r.Upload != "" {
		err = loadJSON(d.config().Uploads, r.Upload, uploadMeta, &u)
		return u, err
	}
	d.removeOldUploads()
	u = Upload{ID: rand.Text(), By: r.By, Began: d.config().Now()}
	defer d.uploads.locks.Lock(u.ID)()
	return u, d.saveJSON(ctx, u.ID, uploadMeta, u)
}

// addFile adds an item whose content is there to its upload.
func (d *Daemon) addFile(ctx context.Context, upload string, it UploadItem) (u Upload, err error) {
	defer d.uploads.locks.Lock(upload)()
	if err := loadJSON(d.config().Uploads, upload, uploadMeta, &u); err != nil {
		return u, err // it was discarded meanwhile
	}
	if u.Files >= MaxUploadFiles {
		err := problem.New(problem.TooLarge, fmt.Sprintf("more than %d files were handed in at once", MaxUploadFiles),
			"Hand them in in several goes, or in a ZIP.")
		return u, errors.Join(err, d.config().Uploads.Delete(upload, it.ID))
	}
	u.Files++
	if err := d.saveJSON(ctx, upload, uploadMeta, u); err != nil {
		return u, err
	}
	return u, d.saveItem(ctx, upload, it)
}

// saveContent keeps the content of an item, within the room that there is for all
// uploads.
func (d *Daemon) saveContent(ctx context.Context, upload string, it *UploadItem, content io.Reader) error {
	files := d.config().Uploads
	room, taken, err := d.uploads.beginWrite(files, content)
	if err != nil {
		return err
	}
	it.Size, it.SHA256, err = files.Save(ctx, upload, it.ID, room, max(MaxUploadBytes-taken, 0))
	room.end(err)
	if problem.Is(err, problem.TooLarge) {
		what := fmt.Sprintf("%s is too large: at most %d MB can be handed in at once", it.Name, MaxUploadBytes>>20)
		next := "Hand in fewer files at once."
		if taken > 0 {
			next = fmt.Sprintf("%d MB are taken by files that nobody confirmed yet; confirm or discard those, or hand in fewer files at once.", taken>>20)
		}
		return problem.New(problem.TooLarge, what, next)
	}
	return err
}

// beginWrite returns a reader of a file that ends in a TooLarge problem where there is
// no more room for all files that are written at the same time, and how many bytes are
// taken before it. end is called when the file is written, or is not.
func (u *uploads) beginWrite(files UploadFiles, r io.Reader) (room *roomReader, taken int64, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.writers == 0 {
		if u.taken, err = files.Size(); err != nil {
			return nil, 0, err
		}
	}
	u.writers++
	return &roomReader{r: r, u: u}, u.taken, nil
}

// roomReader reads a file that is being written.
type roomReader struct {
	r    io.Reader
	u    *uploads
	read int64
}

func (r *roomReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	if r.u.taken+int64(n) > MaxUploadBytes {
		return 0, problem.New(problem.TooLarge, "the files are larger than what may be handed in", "")
	}
	r.u.taken += int64(n)
	r.read += int64(n)
	return n, err
}

func (r *roomReader) end(err error) {
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	r.u.writers--
	if err != nil { // nothing is left of it
		r.u.taken -= r.read
	}
}

// shownName returns the name of a file as it may be shown: of a path its last
// part, without control characters, and not too long.
func shownName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return cmp.Or(readable(name), "file")
}

// readable takes out of a text what is not printed, or has text read in another
// direction, and bounds its length.
func readable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > maxUploadName {
		return string(runes[:maxUploadName/2]) + "…" + string(runes[len(runes)-maxUploadName/2:])
	}
	return text
}

// uploadFiles returns where uploads are kept.
func (d *Daemon) uploadFiles() (UploadFiles, error) {
	if files := d.config().Uploads; files != nil {
		return files, nil
	}
	return nil, problem.New(problem.NotAllowed, "no files can be handed in here", "")
}

// Upload returns an upload as it stands.
func (d *Daemon) Upload(_ context.Context, r UploadRequest) (Upload, error) {
	if _, err := d.uploadFiles(); err != nil {
		return Upload{}, err
	}
	return d.loadUpload(r.ID)
}

// Uploads lists the uploads, newest first.
func (d *Daemon) Uploads(context.Context) ([]Upload, error) {
	files, err := d.uploadFiles()
	if err != nil {
		return nil, err
	}
	names, err := files.List()
	if err != nil {
		return nil, err
	}
	all := make([]Upload, 0, len(names))
	for _, name := range names {
		u, err := d.loadUpload(name)
		switch {
		case problem.Is(err, problem.NotFound): // removed meanwhile, or not begun yet
		case err != nil:
			return nil, err
		default:
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b Upload) int { return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// DiscardUpload forgets what was not confirmed of an upload.
func (d *Daemon) DiscardUpload(_ context.Context, r UploadRequest) error {
	files, err := d.uploadFiles()
	if err != nil {
		return err
	}
	if _, err := d.loadUpload(r.ID); err != nil {
		return err
	}
	defer d.uploads.locks.Lock(r.ID)()
	return files.Remove(r.ID)
}

// removeOldUploads removes the uploads that nobody confirmed in time, and what is
// left of those that are not whole.
func (d *Daemon) removeOldUploads() {
	cfg := d.config()
	if cfg.Uploads == nil {
		return
	}
	names, err := cfg.Uploads.List()
	for _, name := range names {
		err = errors.Join(err, d.removeIfOld(cfg, name))
	}
	if err != nil {
		d.log().Error().Err(err).Str("code", string(problem.Of(err).Code)).Msg("uploads that nobody confirmed could not be removed")
	}
}

// removeIfOld removes an upload that is older than UploadLife, or that nothing is known
// of: one that just begins is locked until it can be read.
func (d *Daemon) removeIfOld(cfg Config, name string) error {
	defer d.uploads.locks.Lock(name)()
	var u Upload
	err := loadJSON(cfg.Uploads, name, uploadMeta, &u)
	switch age := cfg.Now().Sub(u.Began); {
	case problem.Is(err, problem.NotFound), problem.Is(err, problem.Damaged):
	case err != nil:
		return err
	case age < UploadLife && age > -UploadLife:
		return nil
	}
	return cfg.Uploads.Remove(name)
}

// loadUpload reads an upload with its items.
func (d *Daemon) loadUpload(id string) (u Upload, err error) {
	files := d.config().Uploads
	if err := loadJSON(files, id, uploadMeta, &u); err != nil {
		return u, err
	}
	names, err := files.Files(id)
	if err != nil {
		return u, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") || name == uploadMeta {
			continue
		}
		var it UploadItem
		if err := loadJSON(files, id, name, &it); err != nil {
			return u, err
		}
		u.Items = append(u.Items, it)
	}
	slices.SortFunc(u.Items, func(a, b UploadItem) int { return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	d.uploads.mu.Lock()
	defer d.uploads.mu.Unlock()
	u.Checking = d.uploads.checking[id] > 0
	return u, nil
}

func loadJSON(files UploadFiles, upload, name string, v any) error {
	data, err := files.Load(upload, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return problem.Wrap(err, problem.Damaged, "an uploaded file is damaged", "Upload it again.")
	}
	return nil
}

// loadItem reads one item.
func (d *Daemon) loadItem(upload, item string) (it UploadItem, err error) {
	err = loadJSON(d.config().Uploads, upload, item+".json", &it)
	return it, err
}

func (d *Daemon) saveItem(ctx context.Context, upload string, it UploadItem) error {
	return d.saveJSON(ctx, upload, it.ID+".json", it)
}

func (d *Daemon) saveJSON(ctx context.Context, upload, name string, v any) error {
	if u, ok := v.(Upload); ok {
		u.Items, u.Checking = nil, false // which have files of their own
		v = u
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	const limit = 8 << 20
	_, _, err = d.config().Uploads.Save(context.WithoutCancel(ctx), upload, name, strings.NewReader(string(text)), limit)
	return err
}

// updateItem changes an item as it stands now. Where change says that it did, the
// item has a new version.
func (d *Daemon) updateItem(ctx context.Context, upload, item string, change func(*UploadItem) (changed bool, err error)) (UploadItem, error) {
	defer d.uploads.locks.Lock(upload)()
	it, err := d.loadItem(upload, item)
	if err != nil {
		return it, err
	}
	changed, err := change(&it)
	if err != nil || !changed {
		return it, err
	}
	it.Version++
	return it, d.saveItem(ctx, upload, it)
}

// updateUpload changes what is kept with an upload besides its items.
func (d *Daemon) updateUpload(ctx context.Context, id string, change func(*Upload)) error {
	defer d.uploads.locks.Lock(id)()
	var u Upload
	if err := loadJSON(d.config().Uploads, id, uploadMeta, &u); err != nil {
		return err
	}
	change(&u)
	return d.saveJSON(ctx, id, uploadMeta, u)
}

// dropItem takes an item out of an upload.
func (d *Daemon) dropItem(upload, item string) error {
	defer d.uploads.locks.Lock(upload)()
	files := d.config().Uploads
	return errors.Join(files.Delete(upload, item+".json"), files.Delete(upload, item))
}
