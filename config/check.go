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
	"unicode/utf8"

	"balansd/internal/clip"
	"balansd/internal/loopback"
	"balansd/internal/typo"
	"balansd/ledger"
)

// check records the values that can be read but are not valid.
func (r *reader) check(c *Config) {
	r.checkOneOf("language", c.Language, "nl", "fr", "en", "de")
	r.checkOneOf("log.level", c.Log.Level, "trace", "debug", "info", "warn", "error")
	r.checkOneOf("log.format", c.Log.Format, "auto", "journald", "json", "console")
	r.checkOneOf("night.catch_up", c.Schedule.CatchUp, AsSoonAsUp, NextNight)
	checkRange(r, "night.spread", c.Schedule.Spread, 0, 6*time.Hour, formatDuration)
	checkRange(r, "night.deadline", c.Schedule.Deadline, 10*time.Minute, 23*time.Hour, formatDuration)
	r.checkSocket(c.Socket)
	r.checkFinbox(c.Finbox)
	r.checkSilverfin(c.Silverfin)
	r.checkFolders(c.Folders)
	r.checkDossiers(c)
	r.checkDocuments(c.Documents)
	r.checkAdministration(c.Administration)
	checkRange(r, "backup.keep", c.Backup.Keep, 1, 1000, plain)
	r.checkNetwork(c.Network)
	r.checkPortal(c.Portal)
	r.checkNotify(c.Notify)
	checkRange(r, "log.file_size", c.Log.FileSize, 1<<16, 1<<30, Size.String)
	checkRange(r, "log.files", c.Log.Files, 1, 1000, plain)
}

// checkSocket limits the path of a Unix socket to the 103 bytes that all systems
// support. The name of a Windows pipe is not limited.
func (r *reader) checkSocket(path string) {
	const longest = 103
	if runtime.GOOS != "windows" && len(path) > longest {
		r.reject("socket", fmt.Sprintf("the path %q has %d bytes, a Unix socket's at most %d", clip.Text(path), len(path), longest),
			"set socket to a shorter path, as /var/lib/balansd/balansd.sock")
	}
}

// isSet reports whether any setting of a section is set.
func (r *reader) isSet(section string) bool {
	for key := range r.origins {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}

func (r *reader) checkFinbox(f Finbox) {
	if !r.isSet("finbox") {
		return
	}
	r.checkURL("finbox.base_url", f.BaseURL)
	r.checkURL("finbox.token_url", f.TokenURL)
	r.require("finbox.client_id", f.ClientID, "SD Worx gives it with the access to Finbox")
	secret := !f.ClientSecret.IsZero() || f.ClientSecretFile != ""
	switch {
	case secret && f.PrivateKeyFile != "":
		r.reject("finbox.private_key_file", "a client secret is set as well",
			"keep the one that SD Worx gave: private_key_file or client_secret_file")
	case !secret && f.PrivateKeyFile == "":
		r.reject("finbox.private_key_file", "neither a private key nor a client secret is set",
			"set private_key_file, or client_secret_file")
	case f.PrivateKeyFile != "":
		r.readPrivate("finbox.private_key_file", f.PrivateKeyFile)
	}
	if f.CertificateFile != "" {
		r.checkCertificates("finbox.certificate_file", f.CertificateFile)
	}
	checkRange(r, "finbox.overlap", f.Overlap, 0, 31*24*time.Hour, formatDuration)
	checkRange(r, "finbox.max_document", f.MaxDocument, 1<<10, 1<<30, Size.String)
	checkRange(r, "finbox.timeout", f.Timeout, time.Second, 10*time.Minute, formatDuration)
}

func (r *reader) checkSilverfin(s Silverfin) {
	if !r.isSet("silverfin") {
		return
	}
	r.checkURL("silverfin.base_url", s.BaseURL)
	r.require("silverfin.client_id", s.ClientID, "Silverfin gives it when the application is registered")
	if s.ClientSecret.IsZero() && s.ClientSecretFile == "" {
		r.reject("silverfin.client_secret_file", "no client secret is set", "name the file that holds it")
	}
	if s.Redirect != RedirectAuto && s.Redirect != RedirectOOB {
		r.checkURL("silverfin.redirect", s.Redirect)
	}
	r.checkLoopback("silverfin.callback_address", s.CallbackAddress)
	checkRange(r, "silverfin.requests_per_second", s.RequestsPerSecond, 0.1, 100, plain)
	checkRange(r, "silverfin.burst", s.Burst, 1, 1000, plain)
	checkRange(r, "silverfin.concurrency", s.Concurrency, 1, 64, plain)
	checkRange(r, "silverfin.timeout", s.Timeout, time.Second, 10*time.Minute, formatDuration)
	if len(s.Scopes) > 0 {
		r.checkNames("silverfin.scopes", s.Scopes)
		if s.StoreDocument && !(slices.Contains(s.Scopes, "permanent_documents:read") && slices.Contains(s.Scopes, "permanent_documents:write")) {
			r.reject("silverfin.scopes", "store_document needs the scopes permanent_documents:read and permanent_documents:write",
				"add them, or leave scopes out; then link each firm again")
		}
	}
	r.checkAppLink(s)
	for i, name := range s.Workflow.Names {
		if _, err := regexp.Compile(name); err != nil {
			r.reject(fmt.Sprintf("silverfin.workflow.names[%d]", i), fmt.Sprintf("%q is no regular expression", clip.Text(name)),
				"write the name itself, with a backslash before each of . ( ) [ ] ? * +")
		}
	}
	for i, n := range s.LockedStatuses {
		checkRange(r, fmt.Sprintf("silverfin.locked_statuses[%d]", i), n, 400, 499, plain)
	}
	r.checkNames("silverfin.locked_fields", s.LockedFields)
	r.checkOneOf("silverfin.financial_year", s.FinancialYear, YearExact, YearEnd)
	r.checkOneOf("silverfin.archived", s.Archived, ArchivedAsk, ArchivedFollow)
	r.checkNames("silverfin.enterprise_number_fields", s.EnterpriseNumberFields)
	r.checkNames("silverfin.workflow.names", s.Workflow.Names)
	r.checkTargets(s)
}

// checkTargets checks what package mapping does not, which knows one target alone.
func (r *reader) checkTargets(s Silverfin) {
	r.require("silverfin.target.namespace", s.Target.Namespace, "the namespace of the custom properties")
	seen := map[int64]bool{}
	for i, f := range s.Firms {
		key := fmt.Sprintf("silverfin.firms[%d]", i)
		switch {
		case f.ID <= 0:
			r.reject(key+".id", "is no firm of Silverfin", "write the number after /f/ in Silverfin's address bar")
		case seen[f.ID]:
			r.reject(key+".id", fmt.Sprintf("firm %d has two targets", f.ID), "keep one of the two")
		}
		seen[f.ID] = true
		if !r.isSet(key + ".target") {
			r.reject(key, "says nothing of the firm's target", "add target, or leave the firm out")
		}
		r.require(key+".target.namespace", f.Target.Namespace, "the namespace of the custom properties")
	}
}

func (r *reader) checkAppLink(s Silverfin) {
	r.require("silverfin.app_link_placement", s.AppLinkPlacement, "the menu of Silverfin, as reconciliation_action_menu")
	if s.AppLink == "" {
		return
	}
	r.checkURL("silverfin.app_link", s.AppLink)
	if strings.Contains(s.AppLink, "?") {
		r.reject("silverfin.app_link", "the address holds a ? part", "leave that part out")
	}
	if len(s.Scopes) > 0 && !slices.Contains(s.Scopes, "links") {
		r.reject("silverfin.scopes", "app_link needs the scope links", "add it, or leave scopes out; then link each firm again")
	}
	for i, n := range s.AppLinkTemplates {
		if n <= 0 {
			r.reject(fmt.Sprintf("silverfin.app_link_templates[%d]", i), plain(n)+" is no id of a template", "write the number that Silverfin gave it")
		}
	}
}

func (r *reader) checkFolders(list []Folder) {
	seen := map[string]bool{}
	for i, f := range list {
		key := fmt.Sprintf("folders[%d].", i)
		if f.Name != "" && seen[f.Name] {
			r.reject(key+"name", fmt.Sprintf("two folders are named %q", clip.Text(f.Name)), "give each a name of its own")
		}
		seen[f.Name] = true
		r.checkFolder(key, f)
	}
}

func (r *reader) checkDossiers(c *Config) {
	seen := map[[2]string]bool{}
	for i, d := range c.Dossiers {
		key := fmt.Sprintf("dossiers[%d]", i)
		r.require(key+".connection", d.Connection, "the connection id, or the name of the folder")
		r.require(key+".dossier", d.Dossier, "the dossier's id or affiliation number, or its sub-folder's name")
		ref := c.linkReference(d)
		if d.Dossier != "" && seen[ref] {
			r.reject(key+".dossier", fmt.Sprintf("the dossier %q is linked twice", clip.Text(d.Dossier)), "keep one of the two links")
		}
		seen[ref] = true
		r.checkDossierTarget(key, d)
	}
}

// checkDossierTarget checks what a link says of its dossier.
func (r *reader) checkDossierTarget(key string, d Dossier) {
	switch {
	case d.Firm < 0 || d.Company < 0:
		r.reject(key+".company", "a number below zero is no firm or company", "take both from Silverfin's address bar")
	case d.Company != 0 && d.Firm == 0:
		r.reject(key+".firm", "a company is named without its firm", "add firm, the number after /f/ in Silverfin's address bar")
	case d.Firm != 0 && d.Company == 0:
		r.reject(key+".company", "a firm is named without the company", "add company, from Silverfin's address bar")
	case d.NumberDiffers != "" && d.Company == 0:
		r.reject(key+".number_differs", "names a company, and the link has none", "add firm and company, or leave it out")
	case d.Firm == 0 && d.EnterpriseNumber == "" && d.From == From{} && !d.Paused && d.Note == "":
		r.reject(key, "says nothing about the dossier", "add firm and company, or enterprise_number, or from")
	case utf8.RuneCountInString(d.Note) > ledger.MaxNote:
		r.reject(key+".note", fmt.Sprintf("has more than %d characters", ledger.MaxNote), "shorten it")
	}
}

// linkReference is what two links of one dossier have in common: names of folders are
// compared as they look.
func (c *Config) linkReference(d Dossier) [2]string {
	if slices.ContainsFunc(c.Folders, func(f Folder) bool { return f.Name == d.Connection }) {
		return [2]string{d.Connection, ledger.FoldName(d.Dossier)}
	}
	return [2]string{d.Connection, d.Dossier}
}

func (r *reader) checkDocuments(d Documents) {
	names := map[string]bool{}
	for i, t := range d.Tables {
		key := fmt.Sprintf("documents.tables[%d]", i)
		r.require(key+".name", t.Name, "a short name by which messages call the table")
		if t.Name != "" && names[t.Name] {
			r.reject(key+".name", fmt.Sprintf("two tables are named %q", clip.Text(t.Name)), "give each a name of its own")
		}
		names[t.Name] = true
		for _, m := range t.Layout().Mistakes() {
			r.reject(key+"."+m.Column, m.What, m.Right)
		}
	}
	if d.CBSOTable == "" {
		return
	}
	if _, err := readBounded(d.CBSOTable, maxFile); err != nil {
		r.reject("documents.cbso_table", fmt.Sprintf("the file %s cannot be read: %s", d.CBSOTable, pathErrorText(err)),
			"check its name, and who may read it")
	}
}

func (r *reader) checkNetwork(n Network) {
	// transport.CheckProxy checks the address itself.
	u, err := url.Parse(n.Proxy)
	if err != nil {
		u = &url.URL{}
	}
	_, inURL := u.User.Password()
	separate := !n.ProxyPassword.IsZero() || n.ProxyPasswordFile != ""
	switch {
	case inURL && r.origins["network.proxy"].Variable == "":
		r.reject("network.proxy", "a password is written in the configuration file",
			"leave the user name alone in it, and name the file that holds the password in proxy_password_file")
	case inURL && separate:
		r.reject("network.proxy_password_file", "the proxy has a password of its own", "take it out of "+variable("network.proxy"))
	case separate && err == nil && u.User.Username() == "":
		r.reject("network.proxy", "the proxy has a password and no user name", "write the user name in it, as http://USER@proxy.example:3128")
	}
	if n.CAFile != "" {
		r.checkCertificates("network.ca_file", n.CAFile)
	}
	r.checkKeyPair("network.client_certificate_file", n.ClientCertificateFile, "network.client_key_file", n.ClientKeyFile)
}

// checkURL requires a URL with https. Plain http is allowed for this machine only,
// because requests carry tokens.
func (r *reader) checkURL(key, text string) {
	r.require(key, text, "an address that starts with https://")
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		r.reject(key, fmt.Sprintf("%q is no web address", clip.Text(text)), "write it in full, as https://host.example/path")
	case u.User != nil:
		r.reject(key, "the address holds a user or password", "leave that part out")
	case u.Fragment != "":
		r.reject(key, "the address holds a # part", "leave that part out")
	case u.Scheme == "http" && !loopback.IsHost(u.Hostname()):
		r.reject(key, fmt.Sprintf("%q is not encrypted", clip.Text(text)), "write https://")
	case u.Scheme != "https" && u.Scheme != "http":
		r.reject(key, fmt.Sprintf("%q is no web address", clip.Text(text)), "it starts with https://")
	}
}

// checkLoopback requires a host:port of this machine, because the sign-in code must
// not pass over the network.
func (r *reader) checkLoopback(key, text string) {
	host, _, err := net.SplitHostPort(text)
	if err != nil || !loopback.IsHost(host) {
		r.reject(key, fmt.Sprintf("%q is no address of this machine", clip.Text(text)), "write 127.0.0.1 and a port, as 127.0.0.1:0")
	}
}

func (r *reader) checkOneOf(key, text string, known ...string) {
	if slices.Contains(known, text) {
		return
	}
	right := "it is one of " + strings.Join(known, ", ")
	if best := typo.Nearest(text, known); best != "" && text != "" {
		right = fmt.Sprintf("did you mean %s? %s", best, right)
	}
	r.reject(key, fmt.Sprintf("%q is not known here", clip.Text(text)), right)
}

// placeholder is the value in config.example.yaml of settings that have to be
// filled in.
const placeholder = "CHANGE-ME"

func (r *reader) require(key, text, right string) {
	switch {
	case strings.TrimSpace(text) == "":
		r.reject(key, "is missing", "set it: "+right)
	case strings.Contains(text, placeholder):
		r.reject(key, "still holds the example's "+placeholder, "set it: "+right)
	}
}

// checkNames requires a list of names that is not empty and has no empty item.
func (r *reader) checkNames(key string, list []string) {
	if len(list) == 0 {
		r.reject(key, "the list is empty", "give at least one, or leave the setting out")
	}
	for i, s := range list {
		if strings.TrimSpace(s) == "" {
			r.reject(fmt.Sprintf("%s[%d]", key, i), "is empty", "leave the item out")
		}
	}
}

// checkRange requires a value from least to most.
func checkRange[T cmp.Ordered](r *reader, key string, v, least, most T, text func(T) string) {
	if !(v >= least && v <= most) { // so that NaN is refused too
		r.reject(key, text(v)+" is out of range", fmt.Sprintf("it lies between %s and %s", text(least), text(most)))
	}
}

func plain[T int | float64](v T) string { return fmt.Sprint(v) }

// Warnings returns what is valid but probably not intended, one sentence each.
func (c *Config) Warnings() []string {
	var warnings []string
	if !c.Finbox.Configured() && len(c.Folders) == 0 {
		warnings = append(warnings, "There is no source: neither finbox nor folders is set.")
	}
	if !c.Silverfin.Configured() {
		warnings = append(warnings, "There is no destination: silverfin is not set.")
	}
	return warnings
}
