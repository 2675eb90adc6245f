package balance

import "bytes"

// Format names a file format that is no text, for people.
type Format string

// The formats of documents that are no text.
const (
	FormatPDF      Format = "PDF"
	FormatWorkbook Format = "workbook"
)

// FormatOf returns the format of a document that is no text, by its start, or the
// empty Format. The parsers of such formats are large: who reads documents of
// strangers lets a process of its own run them.
func FormatOf(data []byte) Format {
	head := data[:min(len(data), peekSize)]
	switch {
	case bytes.HasPrefix(trimStart(head), []byte(pdfMark)):
		return FormatPDF
	case isZIP(head):
		return FormatWorkbook
	default:
		return ""
	}
}
