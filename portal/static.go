package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// staticFiles are the stylesheet, the script, htmx and the icon.
//
//go:embed static
var staticFiles embed.FS

// mediaTypes are the types by extension. The table of the system is not used: on Windows
// any program can change it.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// staticFile is a file as it is sent.
type staticFile struct {
	name, mediaType string
	plain, packed   []byte
}

// loadStatic returns the static files by a name with their hash: browsers may cache them
// for ever, since another content has another name.
func loadStatic() (map[string]staticFile, error) {
	files := map[string]staticFile{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		ext := path.Ext(name)
		if err != nil || d.IsDir() || mediaTypes[ext] == "" {
			return err
		}
		text, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
		_, _ = z.Write(text)
		if err := z.Close(); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		base := strings.TrimSuffix(path.Base(name), ext)
		files[base+"."+hex.EncodeToString(sum[:6])+ext] = staticFile{
			name: path.Base(name), mediaType: mediaTypes[ext], plain: text, packed: packed.Bytes()}
		return nil
	})
	return files, err
}

// static answers with a static file.
func (h *Handler) static(rq *request) error {
	f, ok := h.files[rq.r.PathValue("file")]
	if !ok {
		rq.writePlainError(http.StatusNotFound)
		return nil
	}
	header := rq.w.Header()
	header.Set("Content-Type", f.mediaType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	text := f.plain
	if strings.Contains(rq.r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		text = f.packed
	}
	_, _ = rq.w.Write(text)
	return nil
}
