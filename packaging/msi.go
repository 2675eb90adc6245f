package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// upgradeCode identifies all versions of balansd as one product. It never changes.
const upgradeCode = "8D4C5B0E-6B3F-4E0B-9C1D-2A7F5E904B61"

// msiValues are the values in the installer's description.
type msiValues struct {
	Version, Numbers, Next                string // Next is the lowest version above it
	ProductCode, PackageCode, UpgradeCode string
	Program, ProgramID                    string
	Texts                                 []msiFile
}

type msiFile struct{ ID, GUID, Name, Path string }

// msi makes the installer for Windows.
func (r *release) msi(ctx context.Context, t target, file string) error {
	form, err := template.New("balansd.wxs").ParseFiles(filepath.Join(r.root, "packaging", "windows", "balansd.wxs"))
	if err != nil {
		return err
	}
	// The package code must change with the content, so it is derived from all files.
	all := sha256.New()
	next := r.version
	next.patch++
	v := msiValues{Next: next.numbers(), Version: r.version.String(), Numbers: r.version.numbers(), UpgradeCode: upgradeCode,
		ProductCode: uuidOf("product", r.version.String(), t.arch), ProgramID: uuidOf("component", "balansd.exe")}
	for _, m := range t.members {
		content, err := os.ReadFile(m.path)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(all, "%s %d\n%s", m.name, len(content), content)
		beside, err := filepath.Rel(r.work, m.path) // wixl accepts only relative paths
		if err != nil {
			return err
		}
		if m.exec {
			v.Program = beside
			continue
		}
		f := msiFile{GUID: uuidOf("component", m.name), Name: path.Base(m.name), Path: beside}
		f.ID = "f" + strings.ReplaceAll(f.GUID, "-", "")
		v.Texts = append(v.Texts, f)
	}
	v.PackageCode = uuidOf("package", r.version.String(), string(all.Sum(nil)))
	var text bytes.Buffer
	if err := form.Execute(&text, v.escape()); err != nil {
		return err
	}
	source := filepath.Join(r.work, "balansd.wxs")
	if err := os.WriteFile(source, text.Bytes(), 0o600); err != nil {
		return err
	}
	if err := setTimes(r.work, r.at); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "wixl", "--arch", "x64", "--output", file, source)
	if out, err := c.CombinedOutput(); err != nil {
		return &toolError{"wixl", strings.TrimSpace(string(out)), err}
	}
	if err := settle(file, v.PackageCode, r.at); err != nil {
		return err
	}
	return r.signing.windows(ctx, file, r.at)
}

// escape escapes the values for XML.
func (v msiValues) escape() msiValues {
	xmlText := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s)) // writing to a Buffer never fails
		return b.String()
	}
	v.Version, v.Program = xmlText(v.Version), xmlText(v.Program)
	texts := make([]msiFile, len(v.Texts))
	for i, f := range v.Texts {
		f.Name, f.Path = xmlText(f.Name), xmlText(f.Path)
		texts[i] = f
	}
	v.Texts = texts
	return v
}

// The summary of an installer is a property set as [MS-OLEPS] describes it: 28 bytes, the
// id of the set, and the offset of its section; the section has its length, a count, and
// an id and an offset for each property.
const (
	summaryHeader   = 28
	propertyPackage = 9 // the package code
	propertyCreated = 12
	propertySaved   = 13
	typeText        = 0x1e
	typeTime        = 0x40
)

// settle replaces the package code and the times, which wixl generates, so that the build
// is reproducible. They have a fixed length, and wixl writes the summary in one piece.
func settle(file, packageCode string, at time.Time) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	id := []byte{0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9}
	found := bytes.Index(content, id)
	if found < summaryHeader {
		return errors.New("the installer has no summary")
	}
	set := content[found-summaryHeader:]
	number := func(at uint32) uint32 {
		if int(at)+4 > len(set) {
			return 0
		}
		return binary.LittleEndian.Uint32(set[at:])
	}
	section := number(summaryHeader + uint32(len(id)))
	done := 0
	for i := range min(number(section+4), 64) {
		key, place := number(section+8+8*i), section+number(section+12+8*i)
		kind := number(place)
		switch {
		case key == propertyPackage && kind == typeText && number(place+4) >= uint32(len(packageCode)+2):
			done += copy(set[place+8:], "{"+packageCode+"}") / 38
		case (key == propertyCreated || key == propertySaved) && kind == typeTime && int(place)+12 <= len(set):
			// In units of 100 nanoseconds since 1601.
			binary.LittleEndian.PutUint64(set[place+4:], uint64(at.Unix()+11644473600)*10_000_000)
			done++
		}
	}
	if done != 3 {
		return errors.New("the summary of the installer has another form than wixl's")
	}
	return os.WriteFile(file, content, 0o600)
}
