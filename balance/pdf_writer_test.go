package balance_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
)

// pdf puts objects into a PDF, each the text between "obj" and "endobj". The
// first one is number 1, the catalog.
func pdf(objects ...string) string {
	return pdfWithTrailer("", objects...)
}

func pdfWithTrailer(trailer string, objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, at)
	return b.String()
}

// stream makes a stream object of a dictionary's entries and the data.
func stream(entries, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", entries, len(data), data)
}

func deflated(data string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.String()
}

// packed makes a stream of data, packed as most programs do.
func packed(entries, data string) string {
	return stream(entries+" /Filter /FlateDecode", deflated(data))
}

// attached makes a PDF with documents attached and one empty page.
func attached(docs ...string) string {
	files := make([]string, len(docs))
	for i, d := range docs {
		files[i] = packed(fmt.Sprintf("/Type /EmbeddedFile /Subtype /text#2Fxml /Params << /Size %d >>", len(d)), d)
	}
	return attachedAs(files...)
}

// attachedAs makes a PDF with the streams of attachments.
func attachedAs(files ...string) string { return attachedTo("", "", files...) }

// attachedTo makes a PDF with more in its catalog and its page.
func attachedTo(catalog, page string, files ...string) string {
	names, objects := "", []string{"", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] " + page + " >>"}
	for i, f := range files {
		names += fmt.Sprintf("(a\\)b%d.xml) << /Type /Filespec /EF << /F %d 0 R >> >> ", i, len(objects)+1)
		objects = append(objects, f)
	}
	if page != "" {
		names = ""
	}
	objects[0] = "<< /Type /Catalog /Pages 2 0 R " + catalog + " /Names << /EmbeddedFiles << /Kids [ << /Names [" + names + "] >> ] >> >> >>"
	return pdf(objects...)
}
