package daemon_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"balansd/daemon"
)

// watchedUploads is a folder of uploads in which something happens while the first file
// of a new upload is being written.
type watchedUploads struct {
	daemon.UploadFiles
	writing func()
	once    atomic.Bool
}

func (w *watchedUploads) Save(ctx context.Context, upload, name string, r io.Reader, limit int64) (int64, string, error) {
	return w.UploadFiles.Save(ctx, upload, name, readerFunc(func(p []byte) (int, error) {
		if w.once.CompareAndSwap(false, true) {
			w.writing()
		}
		return r.Read(p)
	}), limit)
}

// An upload that just begins is not taken for an old one.
func TestUploadThatBeginsIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		files := &watchedUploads{UploadFiles: n.cfg.Uploads}
		cfg := n.cfg
		cfg.Uploads = files
		if err := n.d.Reconfigure(t.Context(), cfg, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		files.writing = func() {
			go func() {
				if err := n.d.Prepare(t.Context()); err != nil { // which removes what is old
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		if _, err := n.d.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "x.csv"}, strings.NewReader("x")); err != nil {
			t.Error(err)
		}
	})
}
