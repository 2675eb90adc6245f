package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/internal/loopback"
)

// check notes the values that can be read but cannot be right.
func (r *reader) check(c *Config) {
	r.oneOf("language", c.Language, "nl", "fr", "en", "de")
	r.oneOf("log.level", c.Log.Level, "trace", "debug", "info", "warn", "error")
	r.oneOf("log.format", c.Log.Format, "auto", "journald", "json", "console")
	r.oneOf("night.catch_up", c.Night.CatchUp, AsSoonAsUp, NextNight)
	between(r, "night.spread", c.Night.Spread, 0, 6*time.Hour, formatDuration)
	between(r, "night.deadline", c.Night.Deadline, 10*time.Minute, 23*time.Hour, formatDuration)
	r.socket(c.Socket)
	r.finbox(c.Finbox)
	r.silverfin(c.Silverfin)
	r.folders(c.Folders)
	r.dossiers(c)
	r.documents(c.Documents)
	between(r, "backup.keep", c.Backup.Keep, 1, 1000, plain)
	r.network(c.Network)
	r.portal(c.Portal)
	between(r, "log.file_size", c.Log.FileSize, 1<<16, 1<<30, Size.String)
	between(r, "log.files", c.Log.Files, 1, 1000, plain)
}

// socket holds a Unix socket's path to the 103 bytes that every system takes;
// a pipe's name is free.
func (r *reader) socket(path string) {
	const longest = 103
	if runtime.GOOS != "windows" && len(path) > longest {
		r.wrong("socket", fmt.Sprintf("the path %q has %d bytes, a Unix socket's at most %d", clip.Text(path), len(path), longest),
			"set socket to a shorter path, as /var/lib/balansd/balansd.sock")
	}
}

// touched reports whether a person set anything in a section.
func (r *reader) touched(section string) bool {
	for key := range r.origins {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}

func (r *reader) finbox(f Finbox) {
	if !r.touched("finbox") {
		return
	}
	r.address("finbox.base_url", f.BaseURL)
	r.address("finbox.token_url", f.TokenURL)
	r.required("finbox.client_id", f.ClientID, "SD Worx gives it with the access to Finbox")
	secret := !f.ClientSecret.IsZero() || f.ClientSecretFile != ""
	switch {
	case secret && f.PrivateKeyFile != "":
		r.wrong("finbox.private_key_file", "a client secret is set as well",
			"keep the one that SD Worx gave: private_key_file or client_secret_file")
	case !secret && f.PrivateKeyFile == "":
		r.wrong("finbox.private_key_file", "neither a private key nor a client secret is set",
			"set private_key_file, or client_secret_file")
	case f.PrivateKeyFile != "":
		r.private("finbox.private_key_file", f.PrivateKeyFile)
	}
	if f.CertificateFile != "" {
		r.certificates("finbox.certificate_file", f.CertificateFile)
	}
	between(r, "finbox.overlap", f.Overlap, 0, 31*24*time.Hour, formatDuration)
	between(r, "finbox.max_document", f.MaxDocument, 1<<10, 1<<30, Size.String)
	between(r, "finbox.timeout", f.Timeout, time.Second, 10*time.Minute, formatDuration)
}

func (r *reader) silverfin(s Silverfin) {
	if !r.touched("silverfin") {
		return
	}
	r.address("silverfin.base_url", s.BaseURL)
	r.required("silverfin.client_id", s.ClientID, "Silverfin gives it when the application is registered")
	if s.ClientSecret.IsZero() && s.ClientSecretFile == "" {
		r.wrong("silverfin.client_secret_file", "no client secret is set", "name the file that holds it")
	}
	if s.Redirect != RedirectAuto && s.Redirect != RedirectOOB {
		r.address("silverfin.redirect", s.Redirect)
	}
	r.loopback("silverfin.callback_address", s.CallbackAddress)
	between(r, "silverfin.requests_per_second", s.RequestsPerSecond, 0.1, 100, plain)
	between(r, "silverfin.burst", s.Burst, 1, 1000, plain)
	between(r, "silverfin.concurrency", s.Concurrency, 1, 64, plain)
	between(r, "silverfin.timeout", s.Timeout, time.Second, 10*time.Minute, formatDuration)
	if len(s.Scopes) > 0 {
		r.named("silverfin.scopes", s.Scopes)
	}
	for i, name := range s.Workflow.Names {
		if _, err := regexp.Compile(name); err != nil {
			r.wrong(fmt.Sprintf("silverfin.workflow.names[%d]", i), fmt.Sprintf("%q is no regular expression", clip.Text(name)),
				"write the name itself, with a backslash before each of . ( ) [ ] ? * +")
		}
	}
	for i, n := range s.LockedStatuses {
		between(r, fmt.Sprintf("silverfin.locked_statuses[%d]", i), n, 400, 499, plain)
	}
	r.named("silverfin.locked_fields", s.LockedFields)
	r.named("silverfin.enterprise_number_fields", s.EnterpriseNumberFields)
	r.named("silverfin.workflow.names", s.Workflow.Names)
	r.required("silverfin.target.namespace", s.Target.Namespace, "the namespace of the custom properties")
}

func (r *reader) folders(list []Folder) {
	seen := map[string]bool{}
	for i, f := range list {
		key := fmt.Sprintf("folders[%d]", i)
		r.required(key+".name", f.Name, "a short name by which the ledger knows the folder")
		r.required(key+".path", f.Path, "the folder that holds a sub-folder for each dossier")
		if f.Name != "" && seen[f.Name] {
			r.wrong(key+".name", fmt.Sprintf("two folders are named %q", clip.Text(f.Name)), "give each a name of its own")
		}
		seen[f.Name] = true
		if strings.TrimSpace(f.Name) != f.Name {
			r.wrong(key+".name", fmt.Sprintf("%q has blanks around it", clip.Text(f.Name)), "write it without them")
		}
		between(r, key+".settle", f.Settle, 0, time.Hour, formatDuration)
	}
}

func (r *reader) dossiers(c *Config) {
	seen := map[[2]string]bool{}
	for i, d := range c.Dossiers {
		key := fmt.Sprintf("dossiers[%d]", i)
		r.required(key+".connection", d.Connection, "the connection id, or the name of the folder")
		r.required(key+".dossier", d.Dossier, "the dossier's id or affiliation number, or its sub-folder's name")
		ref := [2]string{d.Connection, d.Dossier}
		if d.Dossier != "" && seen[ref] {
			r.wrong(key+".dossier", fmt.Sprintf("the dossier %q is linked twice", clip.Text(d.Dossier)), "keep one of the two links")
		}
		seen[ref] = true
		if d.Connection != "" && !c.Finbox.Configured() && !slices.ContainsFunc(c.Folders, func(f Folder) bool { return f.Name == d.Connection }) {
			r.wrong(key+".connection", fmt.Sprintf("no folder is named %q, and Finbox is not configured", clip.Text(d.Connection)),
				"write the name of a folder, or set finbox")
		}
		switch {
		case d.Firm < 0 || d.Company < 0:
			r.wrong(key+".company", "a number below zero is no firm or company", "take both from Silverfin's address bar")
		case d.Company != 0 && d.Firm == 0:
			r.wrong(key+".firm", "a company is named without its firm", "add firm, the number after /f/ in Silverfin's address bar")
		case d.Firm != 0 && d.Company == 0:
			r.wrong(key+".company", "a firm is named without the company", "add company, from Silverfin's address bar")
		case d.NumberDiffers != "" && d.Company == 0:
			r.wrong(key+".number_differs", "names a company, and the link has none", "add firm and company, or leave it out")
		case d.Firm == 0 && d.EnterpriseNumber == "" && d.From == From{}:
			r.wrong(key, "says nothing about the dossier", "add firm and company, or enterprise_number, or from")
		}
	}
}

func (r *reader) documents(d Documents) {
	if d.CBSOTable == "" {
		return
	}
	if _, err := readBounded(d.CBSOTable, maxFile); err != nil {
		r.wrong("documents.cbso_table", fmt.Sprintf("the file %s cannot be read: %s", d.CBSOTable, reason(err)),
			"check its name, and who may read it")
	}
}

func (r *reader) network(n Network) {
	// What a proxy's address is, transport.CheckProxy decides.
	if u, err := url.Parse(n.Proxy); err == nil && u.User != nil && r.origins["network.proxy"].Variable == "" {
		r.wrong("network.proxy", "a password is written in the configuration file", "set "+variable("network.proxy")+" instead")
	}
	if n.CAFile != "" {
		r.certificates("network.ca_file", n.CAFile)
	}
	r.pair("network.client_certificate_file", n.ClientCertificateFile, "network.client_key_file", n.ClientKeyFile)
}

// address holds a URL to https. Plain http is for this machine alone: tokens
// would travel readable otherwise.
func (r *reader) address(key, text string) {
	r.required(key, text, "an address that starts with https://")
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		r.wrong(key, fmt.Sprintf("%q is no web address", clip.Text(text)), "write it in full, as https://host.example/path")
	case u.User != nil:
		r.wrong(key, "the address holds a user or password", "leave that part out")
	case u.Fragment != "":
		r.wrong(key, "the address holds a # part", "leave that part out")
	case u.Scheme == "http" && !loopback.IsHost(u.Hostname()):
		r.wrong(key, fmt.Sprintf("%q is not encrypted", clip.Text(text)), "write https://")
	case u.Scheme != "https" && u.Scheme != "http":
		r.wrong(key, fmt.Sprintf("%q is no web address", clip.Text(text)), "it starts with https://")
	}
}

// loopback holds a host:port to this machine: the sign-in code must not pass
// over the network.
func (r *reader) loopback(key, text string) {
	host, _, err := net.SplitHostPort(text)
	if err != nil || !loopback.IsHost(host) {
		r.wrong(key, fmt.Sprintf("%q is no address of this machine", clip.Text(text)), "write 127.0.0.1 and a port, as 127.0.0.1:0")
	}
}

func (r *reader) oneOf(key, text string, known ...string) {
	if slices.Contains(known, text) {
		return
	}
	right := "it is one of " + strings.Join(known, ", ")
	if best := nearest(text, known); best != "" && text != "" {
		right = fmt.Sprintf("did you mean %s? %s", best, right)
	}
	r.wrong(key, fmt.Sprintf("%q is not known here", clip.Text(text)), right)
}

// placeholder stands in the example where only the person knows the value.
const placeholder = "CHANGE-ME"

func (r *reader) required(key, text, right string) {
	switch {
	case strings.TrimSpace(text) == "":
		r.wrong(key, "is missing", "set it: "+right)
	case strings.Contains(text, placeholder):
		r.wrong(key, "still holds the example's "+placeholder, "set it: "+right)
	}
}

// named holds a list of names to be there, without empty ones.
func (r *reader) named(key string, list []string) {
	if len(list) == 0 {
		r.wrong(key, "the list is empty", "give at least one, or leave the setting out")
	}
	for i, s := range list {
		if strings.TrimSpace(s) == "" {
			r.wrong(fmt.Sprintf("%s[%d]", key, i), "is empty", "leave the item out")
		}
	}
}

// between holds a value to its range.
func between[T cmp.Ordered](r *reader, key string, v, least, most T, text func(T) string) {
	if !(v >= least && v <= most) { // so that NaN is refused too
		r.wrong(key, text(v)+" is out of range", fmt.Sprintf("it lies between %s and %s", text(least), text(most)))
	}
}

func plain[T int | float64](v T) string { return fmt.Sprint(v) }

// Notes are things that may be meant but should be looked at, one sentence
// each.
func (c *Config) Notes() []string {
	var notes []string
	if !c.Finbox.Configured() && len(c.Folders) == 0 {
		notes = append(notes, "There is no source: neither finbox nor folders is set.")
	}
	if !c.Silverfin.Configured() {
		notes = append(notes, "There is no destination: silverfin is not set.")
	}
	return notes
}
