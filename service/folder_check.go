package service

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"balansd/problem"
)

// checkFolders refuses folders that are not the service's alone. An installation
// changes the owner of folders with their content to the account of the service:
// doing that to /etc would break the machine, and doing it to the folder of the
// program would let the account run code as an administrator.
func checkFolders(s Spec, shared func(dir string) bool, within func(path, dir string) bool) error {
	for _, dir := range append([]string{s.DataDir}, s.Writable...) {
		switch {
		case shared(dir):
			return problem.New(problem.Usage, fmt.Sprintf("the service would write in %s, which is not for balansd alone", dir),
				"Name a folder of balansd's own in the configuration, or in the setting of the file that would be there; balansd config show lists them.")
		case within(s.Executable, dir):
			return problem.New(problem.Usage, fmt.Sprintf("the service would write in %s, where it could change its own program %s", dir, s.Executable),
				"Move the program elsewhere and install again there, or name another folder in the configuration.")
		case dir != s.DataDir && (within(s.Config, dir) || within(dir, filepath.Join(filepath.Dir(s.Config), SecretsFolder))):
			return problem.New(problem.Usage, fmt.Sprintf("the service would write in %s, where its configuration or secrets are", dir),
				"Leave the setting of the file that would be there out, so that it is in data_dir, or name another folder.")
		}
	}
	return nil
}

// isSharedFolderWindows reports whether a folder is a whole drive, or one that Windows or
// a person has.
func isSharedFolderWindows(dir string) bool {
	dir = strings.TrimRight(strings.ToLower(strings.ReplaceAll(dir, "/", `\`)), `\`)
	drive, rest, found := strings.Cut(dir, ":")
	if len(drive) != 1 {
		return false // on another server, whose rights are not ours to set
	}
	parts := strings.Split(strings.Trim(rest, `\`), `\`)
	switch {
	case !found, parts[0] == "":
		return found
	case parts[0] == "windows":
		return true
	case parts[0] == "users":
		return len(parts) < 3
	}
	return len(parts) == 1 && slices.Contains([]string{"program files", "program files (x86)", "programdata", "inetpub", "perflogs"}, parts[0])
}
