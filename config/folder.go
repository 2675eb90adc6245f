package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/ledger"
)

// FolderOf makes a folder of settings that were typed elsewhere than in a configuration,
// by the names that they have in one; ignore has a pattern a line, or commas between
// them. The mistakes are those of a folder of a configuration, each by the name of its
// setting.
func FolderOf(name string, settings map[string]string) (Folder, []Mistake) {
	f := Folder{Name: name, Path: settings["path"]}
	f.setDefaults()
	r := &reader{}
	for key, value := range map[string]any{"settle": &f.Settle, "from": &f.From, "layout": &f.Layout} {
		if text := settings[key]; text != "" {
			if err := setText(reflect.ValueOf(value).Elem(), text); err != nil {
				what, right, _ := strings.Cut(err.Error(), "; ")
				r.reject(key, what, right)
			}
		}
	}
	for _, pattern := range strings.FieldsFunc(settings["ignore"], func(c rune) bool { return c == ',' || c == '\n' }) {
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			f.Ignore = append(f.Ignore, pattern)
		}
	}
	r.checkFolder("", f)
	return f, r.mistakes
}

// checkFolder checks one folder by itself. prefix stands before the names of its
// settings.
func (r *reader) checkFolder(prefix string, f Folder) {
	r.require(prefix+"name", f.Name, "a short name by which the ledger knows the folder")
	r.require(prefix+"path", f.Path, "the folder that holds the social balances")
	if f.Name == ledger.UploadsID {
		r.reject(prefix+"name", fmt.Sprintf("%q is the name of what people upload", f.Name), "give the folder another name")
	}
	if strings.TrimSpace(f.Name) != f.Name {
		r.reject(prefix+"name", fmt.Sprintf("%q has blanks around it", clip.Text(f.Name)), "write it without them")
	}
	checkRange(r, prefix+"settle", f.Settle, 0, time.Hour, formatDuration)
	r.checkOneOf(prefix+"layout", f.Layout, FolderAuto, FolderDossiers, FolderFlat)
}
