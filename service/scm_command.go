package service

import (
	"crypto/sha1" //nolint:gosec // Windows makes service identities with it
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// commandText is a command as a person reads it.
func commandText(command []string) string {
	words := slices.Clone(command)
	for i, w := range words {
		if strings.ContainsAny(w, " \t") {
			words[i] = `"` + w + `"`
		}
	}
	return strings.Join(words, " ")
}

// readCommand finds program and configuration in a command; empty where they
// are not named.
func readCommand(command []string) (executable, config string) {
	for i, a := range command {
		if i == 0 {
			executable = a
		}
		if value, ok := strings.CutPrefix(a, "--config="); ok {
			config = value
		} else if a == "--config" && i+1 < len(command) {
			config = command[i+1]
		}
	}
	return executable, config
}

// absoluteWindows reports whether a path means the same from every working
// folder: a drive with its root, or a share.
func absoluteWindows(path string) bool {
	p := strings.ReplaceAll(path, "/", `\`)
	drive := len(p) > 2 && p[1] == ':' && p[2] == '\\'
	return drive || strings.HasPrefix(p, `\\`)
}

// insideFolder reports whether path is folder or lies in it, as Windows compares names.
func insideFolder(folder, path string) bool {
	clean := func(p string) string {
		return strings.TrimRight(strings.ToLower(strings.ReplaceAll(p, "/", `\`)), `\`)
	}
	f, p := clean(folder), clean(path)
	return p == f || strings.HasPrefix(p, f+`\`)
}

// The identities in access lists, as Windows writes them.
const (
	sidSystem         = "S-1-5-18"
	sidAdministrators = "S-1-5-32-544"
	sidOwnerRights    = "S-1-3-4" // the owner of the file
	sidCreator        = "S-1-3-0" // the creator of a file in the folder
)

// serviceSID is the identity of a service in access lists. Windows makes it
// from the name: S-1-5-80 and the five words of the SHA-1 of the name in
// capitals, as UTF-16. So it can be named before the service exists, and is the
// same on every machine.
func serviceSID(name string) string {
	var text []byte
	for _, u := range utf16.Encode([]rune(strings.ToUpper(name))) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	sum := sha1.Sum(text) //nolint:gosec // as above
	sid := "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}

// Rights on files, as winnt.h numbers them.
const (
	rightsModify  = 0x1301bf // all but changing owner and access list
	rightsExecute = 0x1200a9 // read, and run what is a program
)

// ownedBy is the access list of the data folder and of what is in it, in the
// security descriptor definition language: the Administrators own it (O:BA);
// nothing is inherited from above (P); all rights (FA) for the system (SY) and
// the Administrators (BA), and those named for the service; in a folder also
// for all that will be made in it (OICI).
func ownedBy(folder bool, rights uint32) string {
	inherit := ""
	if folder {
		inherit = "OICI"
	}
	return fmt.Sprintf("O:BAD:P(A;%s;FA;;;SY)(A;%s;FA;;;BA)(A;%s;0x%x;;;%s)",
		inherit, inherit, inherit, rights, serviceSID(Name))
}
