package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"balansd/problem"
)

// FindFile returns the configuration file of the options, and whether it is there. If
// there is none anywhere, it is the one that would be made: DefaultFile.
func FindFile(o LoadOptions) (path string, exists bool, err error) {
	path, err = findFile(o)
	if err != nil {
		return "", false, err
	}
	if path == "" {
		path = DefaultFile(o.Environ)
	}
	path = absolute(path)
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	return path, true, err
}

// Files lists the configuration file and the files that it names: secrets, certificates,
// tables. Neither what the service writes nor folders with documents are among them.
func (c *Config) Files() []string {
	files := []string{}
	for key, path := range c.paths() {
		named := strings.HasSuffix(key, "_file") && key != "state_file" && key != "key_file" || key == "documents.cbso_table"
		if named && *path != "" && !slices.Contains(files, *path) {
			files = append(files, *path)
		}
	}
	slices.Sort(files)
	if c.file != "" {
		files = append([]string{c.file}, files...)
	}
	return files
}

// Variables lists the variables of the environment that override settings.
func (c *Config) Variables() []string {
	names := []string{}
	for _, o := range c.origins {
		if o.Variable != "" && !slices.Contains(names, o.Variable) {
			names = append(names, o.Variable)
		}
	}
	slices.Sort(names)
	return names
}

// ReadSecret reads a secret from a file of its own, in the way and under the conditions
// of the settings that name one.
func ReadSecret(path string) (string, error) {
	r := &reader{origins: map[string]Origin{}}
	text, ok := secretText(r.readPrivate("", path))
	switch {
	case len(r.mistakes) > 0:
		m := r.mistakes[0]
		return "", problem.New(problem.Usage, m.What, strings.ToUpper(m.Right[:1])+m.Right[1:]+".")
	case !ok:
		return "", problem.New(problem.Usage, "the file "+path+" holds more than a secret on one line, or is not UTF-8",
			"Save the secret alone in it, on one line, as UTF-8.")
	}
	return text, nil
}
