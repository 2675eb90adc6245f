package cli

import (
	"fmt"

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
	return list
}
