package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"balansd/internal/clip"
	"balansd/internal/loopback"
)

// checkNotify requires what is needed to tell anybody anything.
func (r *reader) checkNotify(n Notify) {
	if r.isSet("notify.mail") {
		r.checkMail(n.Mail)
	}
	names := map[string]bool{}
	for i, w := range n.Webhooks {
		key := fmt.Sprintf("notify.webhooks[%d].", i)
		r.require(key+"name", w.Name, "a short name by which messages call the webhook")
		if w.Name != "" && names[w.Name] {
			r.reject(key+"name", fmt.Sprintf("two webhooks are named %q", clip.Text(w.Name)), "give each a name of its own")
		}
		names[w.Name] = true
		if w.URL.IsZero() && w.URLFile == "" {
			r.reject(key+"url_file", "no address is set", "name the file that holds it")
		}
		r.checkSecretURL(key+"url_file", w.URL)
		r.checkOneOf(key+"format", w.Format, FormatJSON, FormatTeams, FormatSlack)
		if (!w.Secret.IsZero() || w.SecretFile != "") && w.Format != FormatJSON {
			r.reject(key+"secret_file", "only the format json is signed", "leave it out, or write format: json")
		}
		if s := w.Secret; !s.IsZero() && len(s.Reveal()) < 16 {
			r.reject(key+"secret_file", "the secret is shorter than 16 characters", "make a longer one, at random")
		}
		r.checkHearer(key, w.Role, w.Language)
	}
	r.checkSecretURL("notify.heartbeat_url_file", n.HeartbeatURL)
}

func (r *reader) checkMail(m Mail) {
	r.require("notify.mail.host", m.Host, "the name of the server that takes mails")
	if strings.ContainsAny(m.Host, "/: ") {
		r.reject("notify.mail.host", fmt.Sprintf("%q is no host name", clip.Text(m.Host)), "write the name alone, and the port in port")
	}
	checkRange(r, "notify.mail.port", m.Port, 1, 65535, plain)
	r.checkOneOf("notify.mail.security", m.Security, MailStartTLS, MailTLS, MailPlain)
	password := !m.Password.IsZero() || m.PasswordFile != ""
	switch {
	case password && m.User == "":
		r.reject("notify.mail.user", "a password is set without a user", "name the user, or leave the password out")
	case m.User != "" && !password:
		r.reject("notify.mail.password_file", "a user is set without a password", "name the file that holds the password")
	case password && m.Security == MailPlain && !loopback.IsHost(m.Host):
		r.reject("notify.mail.security", "the password would be sent without encryption", "write starttls or tls, or leave user and password out")
	}
	r.require("notify.mail.from", m.From, "the address of the sender, as balansd@office.example")
	r.checkAddress("notify.mail.from", m.From)
	if len(m.To) == 0 {
		r.reject("notify.mail.to", "nobody gets the mails", "name at least one address, as \"- address: it@office.example\"")
	}
	seen := map[string]bool{}
	for i, to := range m.To {
		key := fmt.Sprintf("notify.mail.to[%d].", i)
		r.require(key+"address", to.Address, "a mail address, as it@office.example")
		r.checkAddress(key+"address", to.Address)
		if address := strings.ToLower(to.Address); to.Address != "" && seen[address] {
			r.reject(key+"address", fmt.Sprintf("%s is there twice", clip.Text(to.Address)), "keep one of the two; role: all is told everything")
		} else {
			seen[address] = true
		}
		r.checkHearer(key, to.Role, to.Language)
	}
}

// checkAddress requires the address of a mailbox, without a name.
func (r *reader) checkAddress(key, text string) {
	if a, err := mail.ParseAddress(text); text != "" && (err != nil || a.Address != text) {
		r.reject(key, fmt.Sprintf("%q is no mail address", clip.Text(text)), "write the address alone, as it@office.example")
	}
}

func (r *reader) checkHearer(key, role, language string) {
	r.checkOneOf(key+"role", role, RoleAdmin, RoleStaff, RoleAll)
	r.checkOneOf(key+"language", language, "nl", "fr", "en", "de")
}

// checkSecretURL is checkURL for an address that is a secret, which no message repeats.
func (r *reader) checkSecretURL(key string, s Secret) {
	if s.IsZero() {
		return
	}
	u, err := url.Parse(s.Reveal())
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		r.reject(key, "what the file holds is no web address", "put the whole address in it, as https://host.example/path")
	case u.User != nil || u.Fragment != "":
		r.reject(key, "the address holds a user, a password or a # part", "leave that part out")
	case u.Scheme == "http" && !loopback.IsHost(u.Hostname()):
		r.reject(key, "the address is not encrypted", "take one that starts with https://")
	}
}
