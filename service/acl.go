package service

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// CheckAccess tells who besides the system, its administrators and the account
// that balansd runs as may read or change files and folders: one complaint for
// each that lies open, in a sentence that says what to do. It looks at the
// access lists on Windows, and at owner and mode elsewhere. A path that does
// not exist is well. The error is that of a path that could not be looked at;
// the complaints about the others come along.
func CheckAccess(paths ...string) (complaints []string, err error) {
	for _, path := range paths {
		found, failed := openTo(path)
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

// opening is somebody who may use what is not theirs.
type opening struct {
	who string
	may string // "read", "change" or "own"
}

// complaint is the sentence for what lies open.
func complaint(path string, found []opening) string {
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
	return fmt.Sprintf("%s lies open: %s; %s", path, strings.Join(parts, ", "), mendAccess(path))
}
