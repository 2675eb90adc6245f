package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// member is one file of an archive or a package.
type member struct {
	name string // path in the archive, with slashes
	path string // path on disk
	exec bool
}

func (m member) mode() fs.FileMode {
	if m.exec {
		return 0o755
	}
	return 0o644
}

// writeArchive packs members, in their order, into a folder named after the archive: as
// .tar.gz or as .zip.
func writeArchive(file string, members []member, at time.Time) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if base, ok := strings.CutSuffix(filepath.Base(file), ".zip"); ok {
		return writeZip(out, base, members, at)
	}
	return writeTar(out, strings.TrimSuffix(filepath.Base(file), ".tar.gz"), members, at)
}

func writeTar(out io.Writer, folder string, members []member, at time.Time) error {
	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression) // without a time in its header
	if err != nil {
		return err
	}
	w := tar.NewWriter(packed)
	for _, m := range members {
		info, err := os.Stat(m.path)
		if err != nil {
			return err
		}
		err = w.WriteHeader(&tar.Header{Name: path.Join(folder, m.name), Size: info.Size(), Mode: int64(m.mode()),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatPAX})
		if err != nil {
			return err
		}
		if err := copyFrom(w, m.path); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), packed.Close())
}

func writeZip(out io.Writer, folder string, members []member, at time.Time) error {
	w := zip.NewWriter(out)
	for _, m := range members {
		h := &zip.FileHeader{Name: path.Join(folder, m.name), Method: zip.Deflate, Modified: at}
		h.SetMode(m.mode())
		f, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if err := copyFrom(f, m.path); err != nil {
			return err
		}
	}
	return w.Close()
}

func copyFrom(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return nil
}

// packText compresses text with gzip without a name or a time, for man pages.
func packText(w io.Writer, text []byte) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = packed.Write(text)
	return errors.Join(err, packed.Close())
}
