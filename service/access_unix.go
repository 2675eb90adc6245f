//go:build !windows

package service

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// programFolder is a safe folder for the program.
const programFolder = "/usr/local/bin"

// accessRemedy returns what to do about the access of others to a path.
func accessRemedy(path string) string {
	return "give it to the user that balansd runs as, and take the rights of others away with: chmod o-rw " + strconv.Quote(path)
}

// whoHasAccess returns who else can use the file or folder at path.
func whoHasAccess(path string) ([]accessGrant, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	owner := -1
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(s.Uid)
	}
	ours := []int{0, os.Geteuid()}
	if uid, _, err := lookUpAccount(); err == nil {
		ours = append(ours, uid) // an administrator checks files of the service
	}
	return whoHasAccessByMode(info.Mode(), owner, ours), nil
}

// whoHasAccessByMode returns who besides ours can use a file or folder with that mode and
// owner. The group is chosen by the administrator. An owner below 0 is unknown.
func whoHasAccessByMode(mode fs.FileMode, owner int, ours []int) (found []accessGrant) {
	if owner >= 0 && !slices.Contains(ours, owner) {
		found = append(found, accessGrant{"user " + strconv.Itoa(owner), "own"})
	}
	switch {
	case mode.Perm()&0o002 != 0:
		found = append(found, accessGrant{"everybody", "change"})
	case mode.Perm()&0o004 != 0:
		found = append(found, accessGrant{"everybody", "read"})
	}
	return found
}

// whoCanChangeProgram returns who besides root can change or replace the program at path.
func whoCanChangeProgram(path string) ([]string, error) {
	return whoCanChangePath("/", path, []int{0}, maxLinks)
}

// whoCanChangeFile returns who besides root, the account of the service and the caller
// can change or replace the file at path.
func whoCanChangeFile(path string) ([]string, error) {
	ours := []int{0, os.Geteuid()}
	if uid, _, err := lookUpAccount(); err == nil {
		ours = append(ours, uid)
	}
	return whoCanChangePath("/", path, ours, maxLinks)
}

// maxLinks is the maximum number of links in a path, as in Linux.
const maxLinks = 40

// whoCanChangePath returns who besides ours can change the file or one of its parent
// folders, beneath root; one sentence for each.
func whoCanChangePath(root, path string, ours []int, links int) (found []string, err error) {
	for ; ; path = filepath.Dir(path) {
		info, err := os.Lstat(filepath.Join(root, path))
		switch {
		case errors.Is(err, fs.ErrNotExist): // whoever can change the folder can create it
		case err != nil:
			return nil, err
		default:
			if who := whoCanChange(info, ours); len(who) > 0 {
				found = append(found, path+": "+describeGrants(who))
			}
			if info.Mode()&fs.ModeSymlink != 0 && links > 0 {
				target, err := os.Readlink(filepath.Join(root, path))
				if err != nil {
					return nil, err
				}
				if !filepath.IsAbs(target) {
					target = filepath.Join(filepath.Dir(path), target)
				}
				more, err := whoCanChangePath(root, target, ours, links-1)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
		}
		if path == filepath.Dir(path) {
			return found, nil
		}
	}
}

// whoCanChange returns who besides ours can change a file, or the content of a folder. In
// a folder such as /tmp everybody can add files, but cannot replace those of others.
func whoCanChange(info fs.FileInfo, ours []int) (found []accessGrant) {
	st, known := info.Sys().(*syscall.Stat_t)
	if known && !slices.Contains(ours, int(st.Uid)) {
		found = append(found, accessGrant{"user " + strconv.Itoa(int(st.Uid)), "own"})
	}
	if info.Mode()&fs.ModeSymlink != 0 || info.IsDir() && info.Mode()&fs.ModeSticky != 0 {
		return found
	}
	if info.Mode().Perm()&0o002 != 0 {
		found = append(found, accessGrant{"everybody", "change"})
	} else if known && info.Mode().Perm()&0o020 != 0 && !administrators(int(st.Gid)) && !ownGroup(st, ours) {
		found = append(found, accessGrant{"group " + strconv.Itoa(int(st.Gid)), "change"})
	}
	return found
}

// ownGroup reports whether the group of a file is the private group of its owner, who is
// one of ours: on many systems each user has a group with the same number.
func ownGroup(st *syscall.Stat_t, ours []int) bool {
	return st.Uid == st.Gid && slices.Contains(ours, int(st.Uid))
}

// administrators reports whether the members of a group administer the machine. On Debian
// the group staff can write in /usr/local.
func administrators(gid int) bool {
	if gid == 0 {
		return true
	}
	g, err := user.LookupGroupId(strconv.Itoa(gid))
	return err == nil && slices.Contains([]string{"root", "staff", "wheel", "sudo", "admin"}, g.Name)
}
