package config

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// secrets reads the secrets that stand in files of their own. A variable goes
// before the file.
func (r *reader) secrets(c *Config) {
	for _, s := range []struct {
		key  string
		file string
		into *Secret
	}{
		{"finbox.client_secret", c.Finbox.ClientSecretFile, &c.Finbox.ClientSecret},
		{"silverfin.client_secret", c.Silverfin.ClientSecretFile, &c.Silverfin.ClientSecret},
		{"portal.metrics_token", c.Portal.MetricsTokenFile, &c.Portal.MetricsToken},
		{"portal.oidc.client_secret", c.Portal.OIDC.ClientSecretFile, &c.Portal.OIDC.ClientSecret},
	} {
		if s.file == "" || !s.into.IsZero() {
			continue
		}
		content := r.private(s.key+"_file", s.file)
		text, ok := secretText(content)
		switch {
		case text == "": // private has said so
		case !ok:
			r.wrong(s.key+"_file", fmt.Sprintf("the file %s holds more than a secret on one line, or is not UTF-8", s.file),
				"save the secret alone in it, on one line, as UTF-8")
		default:
			*s.into = NewSecret(text)
			r.origins[s.key] = Origin{Secret: s.file}
		}
	}
}

// secretText finds the secret in a file as editors write it: Notepad puts a byte
// order mark before it, PowerShell 5 writes UTF-16 (Unicode 16.0, 23.8). False
// where anything but one line of text is in it.
func secretText(content []byte) (text string, ok bool) {
	bigEndian := bytes.HasPrefix(content, []byte{0xfe, 0xff})
	if bigEndian || bytes.HasPrefix(content, []byte{0xff, 0xfe}) {
		var order binary.ByteOrder = binary.LittleEndian
		if bigEndian {
			order = binary.BigEndian
		}
		units := make([]uint16, len(content)/2)
		for i := range units {
			units[i] = order.Uint16(content[2*i:])
		}
		whole := len(content)%2 == 0
		content = []byte(string(utf16.Decode(units)))
		if !whole {
			content = append(content, 0)
		}
	}
	text = strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	return text, utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// private reads a file that only the service may read; nil when it cannot.
// Windows keeps other rights than these, which the installer sets.
func (r *reader) private(key, path string) []byte {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check its name, and who may read it")
		return nil
	case !info.Mode().IsRegular():
		r.wrong(key, fmt.Sprintf("%s is no file", path), "name the file itself")
		return nil
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		r.wrong(key, fmt.Sprintf("the file %s can be read by everyone on this machine", path), "run: chmod 600 "+path)
		return nil
	}
	text, err := readBounded(path, 1<<16)
	switch {
	case err != nil:
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check who may read it")
	case strings.TrimSpace(string(text)) == "":
		r.wrong(key, fmt.Sprintf("the file %s is empty", path), "put the secret in it")
	}
	return text
}

// certificates tries a PEM file with certificates.
func (r *reader) certificates(key, path string) {
	text, err := readBounded(path, maxFile)
	if err != nil {
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check its name, and who may read it")
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.wrong(key, fmt.Sprintf("the file %s holds no certificate", path),
			"give it in PEM form, which starts with -----BEGIN CERTIFICATE-----")
	}
}
