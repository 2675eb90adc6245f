package cli

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"balansd/administration"
	"balansd/administration/source"
	"balansd/config"
	"balansd/documentreader"
)

// administrationSources returns the sources of names and addresses that the configuration
// names, the one that counts first.
func (n *node) administrationSources(cfg *config.Config, reader *documentreader.Reader) ([]administration.Source, error) {
	made := map[string]administration.Source{}
	for _, l := range cfg.Administration.Lists {
		list, err := source.NewClientList(clientListConfig(l, reader))
		if err != nil {
			return nil, err
		}
		made[l.Name] = list
	}
	services, err := n.administrationServices(cfg)
	if err != nil {
		return nil, err
	}
	maps.Copy(made, services)
	if k := cfg.Administration.KBO; k.Configured() {
		made[string(administration.KBO)] = source.NewKBO(string(administration.KBO), k.Folder)
	}
	var sources []administration.Source
	for _, name := range cfg.Administration.SourceNames() {
		if s := made[name]; s != nil {
			sources = append(sources, s)
		}
	}
	return sources, nil
}

// administrationServices returns the sources that ask a web service, by their names. Each
// reaches the hosts of its own addresses alone.
func (n *node) administrationServices(cfg *config.Config) (map[string]administration.Source, error) {
	made := map[string]administration.Source{}
	if a := cfg.Administration.AdminPulse; a.Configured() {
		client, err := n.httpClient(cfg, a.Timeout, a.BaseURL)
		if err != nil {
			return nil, err
		}
		name := string(administration.AdminPulse)
		made[name] = source.NewAdminPulse(source.AdminPulseConfig{Name: name, BaseURL: a.BaseURL, Key: a.Key.Reveal(), Fields: a.Fields, HTTP: client})
	}
	if cfg.Administration.Adsolut.Configured() {
		a, err := n.newAdsolut(cfg)
		if err != nil {
			return nil, err
		}
		made[a.Info().Name] = a
	}
	if b := cfg.Administration.NationalBank; b.Configured() {
		client, err := n.httpClient(cfg, b.Timeout, b.BaseURL)
		if err != nil {
			return nil, err
		}
		name := string(administration.NationalBank)
		made[name] = source.NewNationalBank(source.NationalBankConfig{Name: name, BaseURL: b.BaseURL, Key: b.Key.Reveal(), HTTP: client})
	}
	return made, nil
}

// newAdsolut returns the source Adsolut, whose tokens are sealed in the state.
func (n *node) newAdsolut(cfg *config.Config) (*source.Adsolut, error) {
	a := cfg.Administration.Adsolut
	client, err := n.httpClient(cfg, a.Timeout, a.BaseURL, a.TokenURL)
	if err != nil {
		return nil, err
	}
	ac := adsolutConfig(cfg)
	ac.HTTP, ac.Tokens, ac.Now = client, n.store.Secrets(), n.options.now
	return source.NewAdsolut(ac), nil
}

// adsolutConfig says how Adsolut is asked, without what only a node has.
func adsolutConfig(cfg *config.Config) source.AdsolutConfig {
	a := cfg.Administration.Adsolut
	return source.AdsolutConfig{Name: string(administration.Adsolut), BaseURL: a.BaseURL, AuthorizeURL: a.AuthorizeURL, TokenURL: a.TokenURL,
		ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(), Redirect: a.Redirect}
}

// administrationHosts lists the addresses that the sources of names and addresses ask,
// by what people call them.
func administrationHosts(cfg *config.Config) (list []namedAddress) {
	a := cfg.Administration
	if a.AdminPulse.Configured() {
		list = append(list, namedAddress{"AdminPulse", a.AdminPulse.BaseURL})
	}
	if a.Adsolut.Configured() {
		list = append(list, namedAddress{"Adsolut", a.Adsolut.BaseURL}, namedAddress{"Adsolut sign-in", a.Adsolut.TokenURL})
	}
	if a.NationalBank.Configured() {
		list = append(list, namedAddress{"National Bank", a.NationalBank.BaseURL})
	}
	return list
}

// administrationNote says which hosts are called for names and addresses, for config
// check.
func administrationNote(cfg *config.Config) []string {
	var hosts []string
	for _, a := range administrationHosts(cfg) {
		if u, err := url.Parse(a.address); err == nil && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	return []string{"For names and addresses these hosts are called: " + strings.Join(hosts, ", ") + "."}
}

func clientListConfig(l config.ClientList, reader *documentreader.Reader) source.ClientListConfig {
	return source.ClientListConfig{Name: l.Name, File: l.File, Sheet: l.Sheet, Columns: l.Columns, Sheets: reader}
}

// administrationMistakes returns what the sources of names and addresses would refuse.
func administrationMistakes(c *config.Config) (list []config.Mistake) {
	for i, l := range c.Administration.Lists {
		for _, m := range clientListConfig(l, nil).Mistakes() {
			list = append(list, c.MistakeAt(fmt.Sprintf("administration.lists[%d].%s", i, m.Setting), m.What, m.Right))
		}
	}
	for _, m := range source.FieldMistakes(c.Administration.AdminPulse.Fields) {
		list = append(list, c.MistakeAt("administration.adminpulse."+m.Setting, m.What, m.Right))
	}
	return list
}
