package service

import (
	"crypto/sha1" //nolint:gosec // Windows makes service identities with it
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// quoteArgument writes an argument so that Windows gives it to the program as it
// is. The rules are those of CommandLineToArgvW: within quotes a backslash means
// something only before a quote, and before the one that ends.
//
// It is quoted always: an unquoted path with a blank lets Windows try C:\Program.exe first.
func quoteArgument(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, c := range []byte(text) {
		switch c {
		case '\\':
			slashes++
		case '"':
			// As many backslashes again, and one for the quote.
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(c)
	}
	b.WriteString(strings.Repeat(`\`, slashes))
	b.WriteByte('"')
	return b.String()
}

// commandLine is what Windows starts: the program, the word that it is a
// service, and where its configuration is. Nothing of it is resolved at the
// start: a service begins in the folder of Windows.
func commandLine(s Spec) string {
	return strings.Join([]string{
		quoteArgument(s.Executable), "run", "--service", "--config", quoteArgument(s.Config),
	}, " ")
}

// splitCommand takes a command line apart as a program sees it. It reads what
// another hand may have written, so it takes unquoted arguments as well.
func splitCommand(line string) []string {
	var args []string
	var arg strings.Builder
	begun, quoted, slashes := false, false, 0
	flush := func(count int) {
		arg.WriteString(strings.Repeat(`\`, count))
		slashes = 0
	}
	for _, c := range []byte(line) {
		switch c {
		case '\\':
			slashes, begun = slashes+1, true
			continue
		case '"':
			literal := slashes%2 == 1
			flush(slashes / 2)
			if begun = true; literal {
				arg.WriteByte(c)
			} else {
				quoted = !quoted
			}
			continue
		}
		flush(slashes)
		if !quoted && (c == ' ' || c == '\t') {
			if begun {
				args = append(args, arg.String())
				arg.Reset()
			}
			begun = false
			continue
		}
		begun = true
		arg.WriteByte(c)
	}
	flush(slashes)
	if begun {
		args = append(args, arg.String())
	}
	return args
}

// readCommand finds program and configuration in a command line; empty where
// they are not named.
func readCommand(line string) (executable, config string) {
	args := splitCommand(line)
	for i, a := range args {
		if i == 0 {
			executable = a
		}
		if value, ok := strings.CutPrefix(a, "--config="); ok {
			config = value
		} else if a == "--config" && i+1 < len(args) {
			config = args[i+1]
		}
	}
	return executable, config
}

// absoluteWindows tells whether a path means the same from every working
// folder: a drive with its root, or a share.
func absoluteWindows(path string) bool {
	p := strings.ReplaceAll(path, "/", `\`)
	drive := len(p) > 2 && p[1] == ':' && p[2] == '\\'
	return drive || strings.HasPrefix(p, `\\`)
}

// insideFolder tells whether path is folder or lies in it, as Windows compares names.
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
	sidOwnerRights    = "S-1-3-4" // whoever owns the file
	sidCreator        = "S-1-3-0" // whoever makes a file in the folder
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
