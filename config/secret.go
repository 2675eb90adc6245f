package config

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// secretSetting is a secret that is a setting itself, or in a file of its own, whose
// setting is called KEY_file.
type secretSetting struct {
	key   string
	value *Secret
	file  *string
}

// secrets lists the secrets of a configuration. A new one is added here.
func (c *Config) secrets() []secretSetting {
	list := []secretSetting{
		{"finbox.client_secret", &c.Finbox.ClientSecret, &c.Finbox.ClientSecretFile},
		{"administration.adminpulse.key", &c.Administration.AdminPulse.Key, &c.Administration.AdminPulse.KeyFile},
		{"administration.adsolut.client_secret", &c.Administration.Adsolut.ClientSecret, &c.Administration.Adsolut.ClientSecretFile},
		{"administration.national_bank.key", &c.Administration.NationalBank.Key, &c.Administration.NationalBank.KeyFile},
		{"silverfin.client_secret", &c.Silverfin.ClientSecret, &c.Silverfin.ClientSecretFile},
		{"network.proxy_password", &c.Network.ProxyPassword, &c.Network.ProxyPasswordFile},
		{"portal.metrics_token", &c.Portal.MetricsToken, &c.Portal.MetricsTokenFile},
		{"portal.oidc.client_secret", &c.Portal.OIDC.ClientSecret, &c.Portal.OIDC.ClientSecretFile},
		{"notify.mail.password", &c.Notify.Mail.Password, &c.Notify.Mail.PasswordFile},
		{"notify.heartbeat_url", &c.Notify.HeartbeatURL, &c.Notify.HeartbeatURLFile},
	}
	for i := range c.Notify.Webhooks {
		w, key := &c.Notify.Webhooks[i], fmt.Sprintf("notify.webhooks[%d].", i)
		list = append(list, secretSetting{key + "url", &w.URL, &w.URLFile}, secretSetting{key + "secret", &w.Secret, &w.SecretFile})
	}
	return list
}

// Secrets returns the secrets by the keys of their settings.
func (c *Config) Secrets() map[string]Secret {
	m := map[string]Secret{}
	for _, s := range c.secrets() {
		m[s.key] = *s.value
	}
	return m
}

// secretFiles returns the settings that name files which only the service may read, by
// key: secrets and private keys.
func (c *Config) secretFiles() map[string]*string {
	m := map[string]*string{"key_file": &c.KeyFile, "finbox.private_key_file": &c.Finbox.PrivateKeyFile,
		"network.client_key_file": &c.Network.ClientKeyFile, "portal.key_file": &c.Portal.KeyFile}
	for _, s := range c.secrets() {
		m[s.key+"_file"] = s.file
	}
	return m
}

// SecretFiles lists the files that only the service may read. Some may not exist.
func (c *Config) SecretFiles() []string {
	var list []string
	for _, path := range c.secretFiles() {
		if *path != "" {
			list = append(list, *path)
		}
	}
	slices.Sort(list)
	return list
}

// readSecrets reads the secrets that are in files of their own. An environment
// variable takes precedence over the file.
func (r *reader) readSecrets(c *Config) {
	for _, s := range c.secrets() {
		if *s.file == "" || !s.value.IsZero() {
			continue
		}
		content := r.readPrivate(s.key+"_file", *s.file)
		text, ok := secretText(content)
		switch {
		case text == "": // readPrivate has recorded why
		case !ok:
			r.reject(s.key+"_file", fmt.Sprintf("the file %s holds more than a secret on one line, or is not UTF-8", *s.file),
				"save the secret alone in it, on one line, as UTF-8")
		default:
			*s.value = NewSecret(text)
			r.origins[s.key] = Origin{Secret: *s.file}
		}
	}
}

// secretText returns the secret in a file, whichever editor wrote it: Notepad adds
// a byte order mark, PowerShell 5 writes UTF-16 (Unicode 16.0, 23.8). ok is false
// if the file holds anything but one line of text.
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

// readPrivate reads a file that only the service may read, nil if it cannot. On
// Windows the installer sets the permissions, and they are not checked here.
func (r *reader) readPrivate(key, path string) []byte {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.reject(key, fmt.Sprintf("the file %s cannot be read: %s", path, pathErrorText(err)), "check its name, and who may read it")
		return nil
	case !info.Mode().IsRegular():
		r.reject(key, fmt.Sprintf("%s is no file", path), "name the file itself")
		return nil
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		r.reject(key, fmt.Sprintf("the file %s can be read by everyone on this machine", path), "run: chmod 600 "+path)
		return nil
	}
	text, err := readBounded(path, 1<<16)
	switch {
	case err != nil:
		r.reject(key, fmt.Sprintf("the file %s cannot be read: %s", path, pathErrorText(err)), "check who may read it")
	case strings.TrimSpace(string(text)) == "":
		r.reject(key, fmt.Sprintf("the file %s is empty", path), "put the secret in it")
	}
	return text
}

// checkCertificates requires a PEM file with certificates.
func (r *reader) checkCertificates(key, path string) {
	text, err := readBounded(path, maxFile)
	if err != nil {
		r.reject(key, fmt.Sprintf("the file %s cannot be read: %s", path, pathErrorText(err)), "check its name, and who may read it")
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.reject(key, fmt.Sprintf("the file %s holds no certificate", path),
			"give it in PEM form, which starts with -----BEGIN CERTIFICATE-----")
	}
}
