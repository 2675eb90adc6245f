package balance

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// maxMemberName bounds the path of a file in an archive, in bytes.
const maxMemberName = 1024

// memberName returns the path of a file in an archive as a person reads it: with
// slashes, composed letters (NFC), and a replacement for what cannot be shown.
func memberName(f *zip.File) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == '\\': // as older programs of Windows write
			return '/'
		case unicode.In(r, unicode.Cc, unicode.Cf):
			return unicode.ReplacementChar
		}
		return r
	}, decodeMemberName(f))
	if strings.HasPrefix(name, "/") { // a step out of the folder, which Clean would hide
		return norm.NFC.String(name)
	}
	return norm.NFC.String(path.Clean(name))
}

// decodeMemberName decodes the name of a file. A ZIP says only whether a name is
// UTF-8. Else Windows writes the code page of its console, which in Western
// Europe is 850 (437 has the same letters at the same places), and some programs
// that of its windows, whose letters with accents are all above those.
func decodeMemberName(f *zip.File) string {
	if name, ok := unicodePath(f); ok {
		return name
	}
	if utf8.ValidString(f.Name) {
		return f.Name
	}
	page := charmap.Windows1252
	for i := range len(f.Name) {
		if b := f.Name[i]; b >= 0x80 && b < 0xc0 {
			page = charmap.CodePage850
		}
	}
	name, err := page.NewDecoder().String(f.Name)
	if err != nil {
		return strings.ToValidUTF8(f.Name, string(unicode.ReplacementChar))
	}
	return name
}

// unicodePath returns the name that an extra field of Info-ZIP (0x7075) holds
// beside one in a code page: a version, the CRC-32 of that name, the name as
// UTF-8. It says nothing where the name was changed since.
func unicodePath(f *zip.File) (name string, ok bool) {
	for extra := f.Extra; len(extra) >= 4; {
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; size > len(extra) {
			return "", false
		}
		field := extra[:size]
		extra = extra[size:]
		if id == 0x7075 && size > 5 && field[0] == 1 &&
			binary.LittleEndian.Uint32(field[1:]) == crc32.ChecksumIEEE([]byte(f.Name)) && utf8.Valid(field[5:]) {
			return string(bytes.Clone(field[5:])), true
		}
	}
	return "", false
}

// staysInside reports whether a path of memberName lies in the folder that it
// would be unpacked to, on any system.
func staysInside(name string) bool {
	drive := len(name) > 1 && name[1] == ':'
	return name != "." && name != ".." && !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/") && !drive && len(name) <= maxMemberName
}

// whyOutside says what is wrong with a name that staysInside refuses.
func whyOutside(name string) string {
	if len(name) > maxMemberName {
		return "its name is too long; rename it and pack it again"
	}
	return "its name leads out of the folder; rename it and pack it again"
}

// leftByMac reports whether a file was added by macOS and is not the person's.
func leftByMac(name string) bool {
	return strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(path.Base(name), "._")
}
