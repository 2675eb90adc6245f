package folder

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"balansd/balance"
)

// Kind is a kind of file that is no social balance.
type Kind string

// The kinds. What they are called is for whoever shows them.
const (
	Accounts    Kind = "accounts" // annual accounts without a social balance
	PDF         Kind = "pdf"
	Word        Kind = "word"
	Spreadsheet Kind = "spreadsheet"
	Picture     Kind = "picture"
	Mail        Kind = "mail"
	Archive     Kind = "archive"
	Text        Kind = "text" // text, CSV, XML, JSON or a web page that is no social balance
	Other       Kind = "other"
)

// Kinds lists all kinds, in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{Accounts, PDF, Word, Spreadsheet, Picture, Mail, Archive, Text, Other}
}

// extensions lists what the ends of names say.
var extensions = map[Kind][]string{
	PDF:         {".pdf"},
	Word:        {".doc", ".docx", ".docm", ".dot", ".dotx", ".odt", ".rtf", ".pages", ".wpd"},
	Spreadsheet: {".xls", ".xlsx", ".xlsm", ".xlsb", ".xlt", ".xltx", ".ods", ".numbers"},
	Picture:     {".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".webp", ".svg", ".psd", ".ico"},
	Mail:        {".msg", ".eml", ".pst", ".ost", ".mbox", ".ics", ".vcf"},
	Archive:     {".zip", ".7z", ".rar", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".cab", ".iso"},
	Text:        {".txt", ".csv", ".xml", ".xbrl", ".json", ".htm", ".html", ".md", ".log", ".tsv", ".prn"},
}

// kindOf returns the kind that the end of a name says.
func kindOf(name string) Kind {
	end := strings.ToLower(path.Ext(name))
	for kind, ends := range extensions {
		for _, e := range ends {
			if e == end {
				return kind
			}
		}
	}
	return Other
}

// foreign are the first bytes of files that are no document of a layout that is
// read, whatever their name.
var foreign = []struct {
	magic string
	kind  Kind
}{
	{"\x89PNG", Picture},
	{"\xff\xd8\xff", Picture},
	{"GIF8", Picture},
	{"BM", Picture},
	{"II*\x00", Picture},
	{"MM\x00*", Picture},
	{"RIFF", Other},
	{"ID3", Other},
	{"MZ", Other},
	{"\x7fELF", Other},
	{"\x1f\x8b", Archive},
	{"7z\xbc\xaf", Archive},
	{"Rar!", Archive},
	{"SQLite format 3", Other},
	{"\xd0\xcf\x11\xe0", Other}, // an old office document, or a mail of Outlook
	{"{\\rtf", Word},
}

// foreignKind returns the kind of a file that holds no layout that is read, by
// its first bytes and its name. The others are to be read whole.
func foreignKind(name string, head []byte) (Kind, bool) {
	named := kindOf(name)
	for _, f := range foreign {
		if !bytes.HasPrefix(head, []byte(f.magic)) || f.magic == "BM" && named == Text {
			continue
		}
		if f.kind == Other && named != Text && named != PDF {
			return named, true
		}
		return f.kind, true
	}
	if balance.FormatOf(head) == balance.FormatWorkbook { // or an archive, or what another office program writes
		return named, slices.Contains([]Kind{Word, Picture, Mail}, named)
	}
	if isBinary(head) && !bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\ufeff"), []byte("%PDF-")) {
		return named, true
	}
	return "", false
}

// isBinary reports whether the first bytes are of no text. UTF-16 has zeros in
// every other place, which text of one byte a letter never has.
func isBinary(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return false
	}
	var even, odd int
	for i, b := range head {
		if b != 0 {
			continue
		}
		if i%2 == 0 {
			even++
		} else {
			odd++
		}
	}
	return even > 0 && odd > 0
}
