package balance

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ArchiveLimits bound what Documents takes out of a ZIP archive, so that one
// made to fill memory or disk costs nothing. A zero field means its default.
type ArchiveLimits struct {
	Unpacked int64 // bytes of all files together; 1 GiB
	Files    int   // in the archive and in those in it; 10,000
	Ratio    int64 // of unpacked to packed size, for what is larger than 1 MiB; 100
	Document int64 // bytes of one file, and of the archives in the archive together; 64 MiB
}

// withDefaults fills in the zero fields.
func (l ArchiveLimits) withDefaults() ArchiveLimits {
	return ArchiveLimits{
		Unpacked: cmp.Or(l.Unpacked, 1<<30), Files: cmp.Or(l.Files, 10_000),
		Ratio: cmp.Or(l.Ratio, 100), Document: cmp.Or(l.Document, maxDocument),
	}
}

// smallFile is the unpacked size up to which the ratio does not count: a short
// text can be packed very tightly.
const smallFile = 1 << 20

// InArchive stands between the name of an archive and that of a file in it.
const InArchive = "!/"

// A Document is a file that may hold a social balance: the data given to
// Documents itself, or a file in an archive.
type Document struct {
	// Path is where the file lies in the archive, with slashes, readable and
	// without a step out of it: bureau.zip!/2024/a.xbrl for a file in an archive
	// in the archive. It is empty where the data itself is the document.
	Path string
	Size int64 // bytes

	open func() (io.ReadCloser, error)
}

// Content unpacks the document. The data given to Documents must still be
// there, and it may be called again. An error is a *ReadError.
func (d Document) Content() ([]byte, error) {
	r, err := d.open()
	if err != nil {
		return nil, damagedMember(err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, d.Size+1))
	if err == nil && int64(len(data)) != d.Size {
		err = zip.ErrFormat
	}
	if err != nil {
		return nil, damagedMember(err)
	}
	return data, nil
}

func damagedMember(err error) error {
	return &ReadError{What: whyDamaged(err), cause: err}
}

// whyDamaged says why a file of an archive cannot be unpacked.
func whyDamaged(err error) string {
	if errors.Is(err, zip.ErrAlgorithm) {
		return "it is packed in a way that cannot be unpacked here; unpack the ZIP and give the file itself"
	}
	return "it is damaged in the ZIP; take the ZIP again from where it came"
}

// Documents lists the files that may hold a social balance: those in a ZIP
// archive and in the archives in it, one level deep, or data itself where it is
// no archive. A CSV with rows of several clients counts as an archive of a CSV for
// each. Archives are recognised by content, not by name; a workbook, which
// is a ZIP too, is a document. The other files of an archive are returned as
// Skipped.
//
// It does no I/O and keeps data in use as long as a Document is. An archive that
// is damaged or exceeds the limits is a *ReadError, and gives no document.
func Documents(data []byte, limits ArchiveLimits) ([]Document, []Skipped, error) {
	return DocumentsAt(bytes.NewReader(data), int64(len(data)), limits)
}

// DocumentsAt is as Documents, of data that need not be in memory: size bytes
// of src, which must stay open as long as a Document is used. Only the archives
// in an archive are kept in memory.
func DocumentsAt(src io.ReaderAt, size int64, limits ArchiveLimits) ([]Document, []Skipped, error) {
	w := &archiveWalk{limits: limits.withDefaults()}
	w.nested = w.limits.Document
	whole := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(src, 0, size)), nil }
	head, err := peek(whole)
	if err != nil {
		return nil, nil, &ReadError{What: "the document cannot be read", cause: err}
	}
	if !isZIP(head) {
		return withClients([]Document{{Size: size, open: whole}}, clientsTable(src, size, head, w.limits)), nil, nil
	}
	archive, err := w.openArchive(src, size)
	if err != nil {
		return nil, nil, err
	}
	if officeFormat(archive) != "" {
		return []Document{{Size: size, open: whole}}, nil, nil
	}
	if err := w.archive(archive, size, ""); err != nil {
		return nil, nil, err
	}
	return w.documents, w.skipped, nil
}

// withClients returns, in the place of a table of several clients, a document for each.
func withClients(table []Document, clients []clientRows) []Document {
	if len(clients) == 0 {
		return table
	}
	all := make([]Document, 0, len(clients))
	for _, c := range clients {
		all = append(all, Document{Path: c.number.String() + ".csv", Size: int64(len(c.text)),
			open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.text)), nil }})
	}
	return all
}

// archiveWalk goes over the files of an archive.
type archiveWalk struct {
	limits    ArchiveLimits
	files     int   // how many there were
	unpacked  int64 // what they all unpack to
	nested    int64 // how much archives in the archive may still unpack to
	documents []Document
	skipped   []Skipped
}

// openArchive reads the list of files of an archive.
func (w *archiveWalk) openArchive(src io.ReaderAt, size int64) (*zip.Reader, error) {
	metered := &meteredReader{src: src, left: int64(w.limits.Files)<<10 + 1<<20}
	archive, err := zip.NewReader(metered, size)
	switch {
	case metered.exceeded:
		return nil, w.tooManyFiles()
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, &ReadError{Kind: CauseDamaged, What: "this ZIP is damaged or not complete; take it again from where it came", cause: err}
	}
	metered.unlimited = true
	return archive, nil
}

// meteredReader bounds how much is read to list the files of an archive, since
// the library keeps all that it finds in memory, however many.
type meteredReader struct {
	src                 io.ReaderAt
	left                int64
	unlimited, exceeded bool
}

var errMetered = errors.New("the list of files is too long")

func (m *meteredReader) ReadAt(p []byte, off int64) (int, error) {
	if m.unlimited {
		return m.src.ReadAt(p, off)
	}
	if m.left -= int64(len(p)); m.left < 0 {
		m.exceeded = true
		return 0, errMetered
	}
	return m.src.ReadAt(p, off)
}

func (w *archiveWalk) tooManyFiles() error {
	return &ReadError{What: fmt.Sprintf("this ZIP holds more than %d files; make one of the social balances alone", w.limits.Files)}
}

// archive goes over one archive of some size, whose files get the prefix before
// their names. An error is about the whole.
func (w *archiveWalk) archive(archive *zip.Reader, size int64, prefix string) error {
	before := w.unpacked
	for _, f := range archive.File {
		if f.UncompressedSize64 > uint64(w.limits.Unpacked) {
			return w.tooLarge()
		}
		w.unpacked += int64(f.UncompressedSize64)
		if w.unpacked > w.limits.Unpacked {
			return w.tooLarge()
		}
	}
	if w.files += len(archive.File); w.files > w.limits.Files {
		return w.tooManyFiles()
	}
	if w.tight(w.unpacked-before, size) {
		return &ReadError{What: fmt.Sprintf("this ZIP unpacks to more than %d times its size, as no documents do; make it anew", w.limits.Ratio)}
	}
	seen := map[string]*zip.File{}
	twice := map[string]bool{}
	for _, f := range archive.File {
		name := memberName(f)
		other, known := seen[name]
		if known && (other.CRC32 != f.CRC32 || other.UncompressedSize64 != f.UncompressedSize64) {
			twice[name] = true
		}
		seen[name] = f
	}
	done := map[string]bool{}
	for _, f := range archive.File {
		name := memberName(f)
		if f.FileInfo().IsDir() || strings.HasSuffix(f.Name, `\`) || done[name] {
			continue
		}
		done[name] = true
		if twice[name] {
			w.skip(prefix+name, SkippedTwice, "it is in the ZIP more than once, and not the same; unpack the ZIP and give the right one")
			continue
		}
		w.member(f, prefix, name)
	}
	return nil
}

func (w *archiveWalk) tooLarge() error {
	return &ReadError{What: fmt.Sprintf("this ZIP unpacks to more than %d MiB; make one of the social balances alone", w.limits.Unpacked>>20)}
}

// tight reports whether a size is more than what may be packed into another.
func (w *archiveWalk) tight(unpacked, packed int64) bool {
	return unpacked > smallFile && unpacked/w.limits.Ratio > packed
}

// member takes one file of an archive as a document, as an archive, or skips it.
func (w *archiveWalk) member(f *zip.File, prefix, name string) {
	size := int64(f.UncompressedSize64)
	at := prefix + name
	switch {
	case !staysInside(name):
		w.skip(at, SkippedOutside, whyOutside(name))
		return
	case f.Flags&(1<<0|1<<6) != 0 || f.Method == methodAES:
		w.skip(at, SkippedEncrypted, "it is protected with a password; unpack the ZIP with the password and give the file itself")
		return
	case f.Mode().Type() != 0:
		w.skip(at, SkippedOther, "a link")
		return
	case size == 0:
		w.skip(at, SkippedOther, "an empty file")
		return
	case w.tight(size, int64(f.CompressedSize64)):
		w.skip(at, SkippedTight, fmt.Sprintf("it unpacks to more than %d times its size, as no document does", w.limits.Ratio))
		return
	}
	head, err := peek(f.Open)
	if err != nil {
		w.skip(at, SkippedDamaged, whyDamaged(err))
		return
	}
	switch {
	case isZIP(head):
		w.archiveMember(f, prefix, name)
	case FormatOf(head) == "" && otherFormat(head) != "" || leftByMac(name):
		w.skip(at, SkippedOther, cmp.Or(otherFormat(head), "what a Mac adds"))
	case size > w.limits.Document:
		w.skip(at, SkippedLarge, fmt.Sprintf("it is larger than %d MiB, as no social balance is", w.limits.Document>>20))
	default:
		w.add(f, at)
	}
}

func (w *archiveWalk) add(f *zip.File, at string) {
	w.documents = append(w.documents, Document{Path: at, Size: int64(f.UncompressedSize64), open: f.Open})
}

// methodAES is the number that stands for encryption with AES instead of that
// of a way to pack.
const methodAES = 99

// archiveMember takes a file that is a ZIP itself: a workbook as a document, an
// archive apart.
func (w *archiveWalk) archiveMember(f *zip.File, prefix, name string) {
	at, size := prefix+name, int64(f.UncompressedSize64)
	if size > w.nested {
		w.skip(at, SkippedLarge, fmt.Sprintf("ZIPs in a ZIP may have %d MiB together; give it by itself", w.limits.Document>>20))
		return
	}
	data, err := (Document{Size: size, open: f.Open}).Content()
	if err != nil {
		w.skip(at, SkippedDamaged, whyDamaged(errors.Unwrap(err)))
		return
	}
	archive, err := w.openArchive(bytes.NewReader(data), size)
	if err != nil {
		w.skip(at, SkippedDamaged, err.Error())
		return
	}
	switch format := officeFormat(archive); {
	case format == workbook:
		w.add(f, at)
	case format != "":
		w.skip(at, SkippedOther, format)
	case prefix != "":
		w.skip(at, SkippedNested, "it is a ZIP in a ZIP in a ZIP; unpack it and give it by itself")
	default:
		w.nested -= size
		documents, skipped := len(w.documents), len(w.skipped)
		if err := w.archive(archive, size, at+InArchive); err != nil {
			w.documents, w.skipped = w.documents[:documents], w.skipped[:skipped]
			w.skip(at, SkippedLarge, err.Error())
		}
	}
}

// peek returns the start of a document.
func peek(open func() (io.ReadCloser, error)) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	head := make([]byte, peekSize)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// isZIP reports whether a document that starts like this is a ZIP archive or a
// document of an office program, which is one.
func isZIP(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// workbook is what officeFormat says of a workbook that can be read.
const workbook = "a workbook"

// officeParts are files that the document of an office program consists of.
var officeParts = map[string]string{
	"xl/workbook.xml":       workbook,
	"xl/workbook.bin":       "a binary workbook (.xlsb)",
	"word/document.xml":     "a text document",
	"ppt/presentation.xml":  "a presentation",
	"META-INF/manifest.xml": "a document of an office program",
	"META-INF/MANIFEST.MF":  "a program",
}

// officeFormat names the document of an office program that a ZIP is, or
// returns the empty string for an archive of files.
func officeFormat(archive *zip.Reader) string {
	for _, f := range archive.File {
		if format, ok := officeParts[f.Name]; ok {
			return format
		}
	}
	return ""
}
