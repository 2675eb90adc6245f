package config

import (
	"strings"
	"testing"
)

// TestNotifyMistakes checks that each mistake in notify is named, and that no message
// repeats an address that is a secret.
func TestNotifyMistakes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "password", "hunter2-canary", 0o600)
	write(t, dir, "short", "short-canary", 0o600)
	write(t, dir, "http", "http://hooks.example/canary", 0o600)
	write(t, dir, "text", "canary no address", 0o600)
	good := "host: smtp.example, from: a@b.example, to: [{address: it@b.example}]"
	for text, want := range map[string]string{
		"{mail: {" + good + "}}":                                                              "",
		"{mail: {" + good + ", security: none}}":                                              "",
		"{mail: {from: a@b.example, to: [{address: it@b.example}]}}":                          "notify.mail.host: is missing",
		"{mail: {" + good + ", port: 70000}}":                                                 "notify.mail.port: 70000 is out of range",
		"{mail: {" + good + ", security: ssl}}":                                               "notify.mail.security: \"ssl\" is not known here",
		"{mail: {" + good + ", user: me}}":                                                    "notify.mail.password_file: a user is set without a password",
		"{mail: {" + good + ", password_file: password}}":                                     "notify.mail.user: a password is set without a user",
		"{mail: {" + good + ", user: me, password_file: password, security: none}}":           "notify.mail.security: the password would be sent without encryption",
		"{mail: {host: smtp.example, from: a@b.example}}":                                     "notify.mail.to: nobody gets the mails",
		"{mail: {host: smtp.example, to: [{address: it@b.example}]}}":                         "notify.mail.from: is missing",
		"{mail: {host: smtp.example, from: An <a@b.example>, to: [{address: a@b.c}]}}":        "notify.mail.from: \"An <a@b.example>\" is no mail address",
		"{mail: {host: smtp.example, from: a@b.example, to: [{address: it}]}}":                "notify.mail.to[0].address: \"it\" is no mail address",
		"{mail: {host: smtp.example, from: a@b.c, to: [{address: a@b.c, role: boss}]}}":       "notify.mail.to[0].role: \"boss\" is not known here",
		"{mail: {host: smtp.example, from: a@b.c, to: [{address: a@b.c, language: x}]}}":      "notify.mail.to[0].language: \"x\" is not known here",
		"{mail: {host: smtp.example, from: a@b.c, to: [{address: a@b.c}, {address: A@b.c}]}}": "notify.mail.to[1].address: A@b.c is there twice",
		"{webhooks: [{url_file: http}]}":                                                      "notify.webhooks[0].name: is missing",
		"{webhooks: [{name: a}]}":                                                             "notify.webhooks[0].url_file: no address is set",
		"{webhooks: [{name: a, url_file: http}]}":                                             "notify.webhooks[0].url_file: the address is not encrypted",
		"{webhooks: [{name: a, url_file: text}]}":                                             "notify.webhooks[0].url_file: what the file holds is no web address",
		"{webhooks: [{name: a, url: https://a.example}]}":                                     "notify.webhooks[0].url: a secret is written in the configuration file",
		"{webhooks: [{name: a, url_file: text, secret_file: short}]}":                         "notify.webhooks[0].secret_file: the secret is shorter than 16 characters",
		"{webhooks: [{name: a, url_file: text, format: slack, secret_file: password}]}":       "notify.webhooks[0].secret_file: only the format json is signed",
		"{heartbeat_url_file: http}":                                                          "notify.heartbeat_url_file: the address is not encrypted",
	} {
		_, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", "notify: "+text+"\n", 0o600)})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		found := false
		for _, m := range mistakes(t, err) {
			found = found || strings.Contains(m, want)
			if strings.Contains(m, "canary") {
				t.Errorf("%s: %s", text, m)
			}
		}
		if !found {
			t.Errorf("%s: %s\nis not among %v", text, want, mistakes(t, err))
		}
	}
}
