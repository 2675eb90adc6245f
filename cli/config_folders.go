package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"balansd/config"
	"balansd/folder"
)

// fault is what is wrong with a setting of a folder, and what would be right.
type fault struct{ setting, what, right string }

// folderMistakes lists what this machine says of the folders that the configuration
// names: those that cannot be read, patterns that cannot be used, two sources of the
// same files, and a source that holds the state.
func folderMistakes(c *config.Config) []config.Mistake {
	var list []config.Mistake
	for i, f := range c.Folders {
		for _, fault := range append(pathFaults(f), overlapFaults(c, f, c.Folders[:i])...) {
			list = append(list, c.MistakeAt(fmt.Sprintf("folders[%d].%s", i, fault.setting), fault.what, fault.right))
		}
	}
	return list
}

// pathFaults tries the path of a folder.
func pathFaults(f config.Folder) []fault {
	if f.Path == "" {
		return nil // reported already
	}
	if info, err := os.Stat(f.Path); err != nil {
		return []fault{{"path", fmt.Sprintf("the folder %s cannot be read: %v", f.Path, cause(err)), "make it, or check its name and who may read it"}}
	} else if !info.IsDir() {
		return []fault{{"path", f.Path + " is no folder", "name the folder that holds the social balances"}}
	}
	return nil
}

// overlapFaults lists what is wrong with a folder besides, beside others. Links in paths
// are resolved, as far as they are there.
func overlapFaults(c *config.Config, f config.Folder, others []config.Folder) []fault {
	var list []fault
	for j, pattern := range f.Ignore {
		if err := folder.CheckPattern(pattern); err != nil {
			list = append(list, fault{fmt.Sprintf("ignore[%d]", j), fmt.Sprintf("%q is no pattern: %v", pattern, err),
				"write a name with * and ? for what may differ, as concept*"})
		}
	}
	if f.Path == "" {
		return list // reported already
	}
	for _, o := range others {
		if o.Path == "" {
			continue
		}
		if how := overlap(f.Path, o.Path); how != "" {
			list = append(list, fault{"path", fmt.Sprintf("the folder %s %s %s of folder %s, so its files would be read twice", f.Path, how, o.Path, o.Name),
				"keep one of the two, or give each a folder of its own"})
		}
	}
	own := []struct{ path, what string }{{c.DataDir, "data_dir"}, {filepath.Dir(c.StateFile), "the folder of state_file"}, {c.Backup.Folder, "backup.folder"}}
	for _, o := range own {
		if how := overlap(f.Path, o.path); how != "" && how != inside || how == inside && o.path == c.Backup.Folder {
			return append(list, fault{"path", fmt.Sprintf("the folder %s %s %s, %s: balansd keeps its own files there", f.Path, how, o.path, o.what),
				"name a folder that holds social balances alone"})
		}
	}
	return list
}

// How two folders overlap.
const (
	same     = "is the same as"
	inside   = "lies in"
	contains = "contains"
)

// overlap says how one folder overlaps with another; empty when it does not.
func overlap(one, other string) string {
	one, other = resolved(one), resolved(other)
	switch {
	case one == other:
		return same
	case strings.HasPrefix(one, other):
		return inside
	case strings.HasPrefix(other, one):
		return contains
	}
	return ""
}

// resolved returns a path without links, as far as it is there, and with a
// separator at its end. Where the system takes capitals for small letters they are.
func resolved(path string) string {
	path = filepath.Clean(path)
	for rest, dir := "", path; ; {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			path = filepath.Join(real, rest)
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		rest, dir = filepath.Join(filepath.Base(dir), rest), parent
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		path = strings.ToLower(path)
	}
	return strings.TrimSuffix(path, string(filepath.Separator)) + string(filepath.Separator)
}
