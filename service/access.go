package service

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"balansd/problem"
)

// CheckAccess returns who besides the system, its administrators and the account
// that balansd runs as may read or change files and folders: one complaint for
// each that others may use, in a sentence that says what to do. It reads the
// access lists on Windows, and owner and mode elsewhere. A path that does
// not exist is ignored. The error is that of the paths that could not be read;
// the complaints about the others are returned with it.
func CheckAccess(paths ...string) (complaints []string, err error) {
	for _, path := range paths {
		found, failed := whoHasAccess(path)
		switch {
		case errors.Is(failed, fs.ErrNotExist):
			continue
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("who may use %s cannot be read: %w", path, failed))
			continue
		}
		if len(found) > 0 {
			complaints = append(complaints, complaint(path, found))
		}
	}
	return complaints, err
}

// accessGrant is somebody else's access to a file.
type accessGrant struct {
	who string
	may string // "read", "change" or "own"
}

// complaint returns a sentence about the access of others to a path.
func complaint(path string, found []accessGrant) string {
	return fmt.Sprintf("%s lies open: %s; %s", path, describeGrants(found), accessRemedy(path))
}

// describeGrants returns who may do what, as a clause.
func describeGrants(found []accessGrant) string {
	var parts []string
	for _, may := range []string{"own", "change", "read"} {
		var names []string
		for _, o := range found {
			if o.may == may && !slices.Contains(names, o.who) {
				names = append(names, o.who)
			}
		}
		if len(names) > 0 {
			parts = append(parts, strings.Join(names, ", ")+" may "+may+" it")
		}
	}
	return strings.Join(parts, ", ")
}

// CheckProgram returns a Usage problem if others than the administrators of the
// machine can change or replace the program at path, because it runs as a service and
// with an administrator's rights. It checks the program and each folder above it.
func CheckProgram(path string) error {
	found, err := whoCanChangeProgram(path)
	return programProblem(path, found, err)
}

// CheckFile returns who besides the administrators of the machine, the account of
// the service and the caller can change or replace the file at path: one sentence for
// each path that they can change, the file itself or a folder above it. It includes a
// file that does not exist and that others may create.
func CheckFile(path string) ([]string, error) { return whoCanChangeFile(path) }

// programProblem returns the error of CheckProgram.
func programProblem(path string, found []string, err error) error {
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, "who may change the program "+path+" cannot be read", "Call the same command as an administrator.")
	}
	if len(found) == 0 {
		return nil
	}
	return problem.New(problem.Usage, fmt.Sprintf("others than administrators can change the program %s: %s", path, strings.Join(found, "; ")),
		"Put the program where administrators alone may write, such as "+programFolder+", and install the service with that one.")
}
