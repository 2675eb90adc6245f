package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/administration"
	"balansd/internal/clip"
)

// Administration names the sources of names and addresses of clients.
type Administration struct {
	// Order has the names of the sources, the one that counts first: names of lists, and
	// adminpulse, adsolut, kbo and national_bank. Those that it leaves out follow in
	// this order.
	Order        []string           `yaml:"order"`
	Lists        []ClientList       `yaml:"lists"`
	AdminPulse   AdminPulse         `yaml:"adminpulse"`
	Adsolut      Adsolut            `yaml:"adsolut"`
	KBO          KBO                `yaml:"kbo"`
	NationalBank NationalBankFiling `yaml:"national_bank"`
}

// ClientList is a CSV or a workbook that an administration package exports.
type ClientList struct {
	Name    string            `yaml:"name"`  // of the source; unique
	File    string            `yaml:"file"`  // the same file is read each time
	Sheet   string            `yaml:"sheet"` // of a workbook; empty for the first that has the columns
	Columns map[string]string `yaml:"columns"`
}

// AdminPulse says how AdminPulse is asked.
type AdminPulse struct {
	BaseURL string            `yaml:"base_url"`
	Key     Secret            `yaml:"key"` // also filled from KeyFile
	KeyFile string            `yaml:"key_file"`
	Timeout time.Duration     `yaml:"timeout"` // of one call
	Fields  map[string]string `yaml:"fields"`  // path in a relation, by what it holds
}

// Configured reports whether AdminPulse is to be asked.
func (a AdminPulse) Configured() bool { return !a.Key.IsZero() || a.KeyFile != "" }

// Adsolut says how Adsolut is asked.
type Adsolut struct {
	BaseURL          string        `yaml:"base_url"`
	AuthorizeURL     string        `yaml:"authorize_url"` // where a person signs in
	TokenURL         string        `yaml:"token_url"`
	ClientID         string        `yaml:"client_id"`
	ClientSecret     Secret        `yaml:"client_secret"` // also filled from ClientSecretFile
	ClientSecretFile string        `yaml:"client_secret_file"`
	Redirect         string        `yaml:"redirect"` // the address that is registered with Wolters Kluwer
	Timeout          time.Duration `yaml:"timeout"`
}

// Configured reports whether Adsolut is to be asked.
func (a Adsolut) Configured() bool { return a.ClientID != "" }

// KBO says where the open data of the KBO is.
type KBO struct {
	Folder string `yaml:"folder"` // with the ZIPs that an administrator drops there
}

// Configured reports whether there is open data of the KBO.
func (k KBO) Configured() bool { return k.Folder != "" }

// NationalBankFiling says how the National Bank's web service is asked.
type NationalBankFiling struct {
	BaseURL string        `yaml:"base_url"`
	Key     Secret        `yaml:"key"` // also filled from KeyFile
	KeyFile string        `yaml:"key_file"`
	Timeout time.Duration `yaml:"timeout"`
}

// Configured reports whether the National Bank is to be asked.
func (n NationalBankFiling) Configured() bool { return !n.Key.IsZero() || n.KeyFile != "" }

// SourceNames lists the names of the configured sources, the one that counts first.
func (a Administration) SourceNames() []string {
	var known []string
	for _, l := range a.Lists {
		known = append(known, l.Name)
	}
	for _, s := range []struct {
		kind       administration.Kind
		configured bool
	}{
		{administration.AdminPulse, a.AdminPulse.Configured()}, {administration.Adsolut, a.Adsolut.Configured()},
		{administration.KBO, a.KBO.Configured()}, {administration.NationalBank, a.NationalBank.Configured()},
	} {
		if s.configured {
			known = append(known, string(s.kind))
		}
	}
	var names []string
	for _, name := range append(slices.Clone(a.Order), known...) {
		if slices.Contains(known, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (r *reader) checkAdministration(a Administration) {
	seen := map[string]bool{}
	for i, l := range a.Lists {
		key := fmt.Sprintf("administration.lists[%d].", i)
		r.require(key+"name", l.Name, "a short name by which pages and messages call the list")
		r.require(key+"file", l.File, "the CSV or workbook that the package exports")
		switch {
		case l.Name != "" && seen[l.Name]:
			r.reject(key+"name", fmt.Sprintf("two lists are named %q", clip.Text(l.Name)), "give each a name of its own")
		case slices.Contains(administration.Kinds(), administration.Kind(l.Name)):
			r.reject(key+"name", fmt.Sprintf("%q is the name of another source", l.Name), "give the list another name")
		case strings.TrimSpace(l.Name) != l.Name:
			r.reject(key+"name", fmt.Sprintf("%q has blanks around it", clip.Text(l.Name)), "write it without them")
		}
		seen[l.Name] = true
	}
	names := a.SourceNames()
	listed := map[string]bool{}
	for i, name := range a.Order {
		key := fmt.Sprintf("administration.order[%d]", i)
		switch {
		case !slices.Contains(names, name):
			r.reject(key, fmt.Sprintf("there is no source %q", clip.Text(name)), "the sources here are "+strings.Join(names, ", "))
		case listed[name]:
			r.reject(key, fmt.Sprintf("%q stands there twice", clip.Text(name)), "name each source once")
		}
		listed[name] = true
	}
	r.checkKeyedService("administration.adminpulse", a.AdminPulse.BaseURL, a.AdminPulse.Configured(), a.AdminPulse.Timeout, "AdminPulse makes it under your profile, access tokens")
	r.checkKeyedService("administration.national_bank", a.NationalBank.BaseURL, a.NationalBank.Configured(), a.NationalBank.Timeout, "the National Bank's developer portal shows it as subscription key")
	r.checkAdsolut(a.Adsolut)
}

// checkKeyedService checks a service that a key opens.
func (r *reader) checkKeyedService(section, address string, configured bool, timeout time.Duration, where string) {
	if !r.isSet(section) {
		return
	}
	r.checkURL(section+".base_url", address)
	if !configured {
		r.reject(section+".key_file", "no key is set", "name the file that holds it: "+where)
	}
	checkRange(r, section+".timeout", timeout, time.Second, 10*time.Minute, formatDuration)
}

func (r *reader) checkAdsolut(a Adsolut) {
	const section = "administration.adsolut"
	if !r.isSet(section) {
		return
	}
	r.checkURL(section+".base_url", a.BaseURL)
	r.checkURL(section+".authorize_url", a.AuthorizeURL)
	r.checkURL(section+".token_url", a.TokenURL)
	r.checkURL(section+".redirect", a.Redirect)
	r.require(section+".client_id", a.ClientID, "Wolters Kluwer gives it when the application is registered")
	if a.ClientSecret.IsZero() && a.ClientSecretFile == "" {
		r.reject(section+".client_secret_file", "no client secret is set", "name the file that holds it")
	}
	checkRange(r, section+".timeout", a.Timeout, time.Second, 10*time.Minute, formatDuration)
}
