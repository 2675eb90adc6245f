package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Access lists as Windows has them, with the rights as numbers.
func TestAccessListOpenTo(t *testing.T) {
	const full, modify, read, see = 0x1f01ff, 0x1301bf, 0x120089, 0x1200a0 // see: attributes and traverse
	service, me := who{sid: serviceSID(Name)}, who{sid: "S-1-5-21-1-2-3-500", name: `OFFICE\admin`}
	system, admins := who{sid: sidSystem}, who{sid: sidAdministrators}
	users, all := who{sid: "S-1-5-32-545", name: `BUILTIN\Users`}, who{sid: "S-1-1-0", name: "Everyone"}
	jan := who{sid: "S-1-5-21-1-2-3-1001"}
	ours := []accessEntry{{0, full, system, false}, {0, full, admins, false}, {0, modify, service, false}}
	with := func(owner who, more ...accessEntry) accessList {
		return accessList{owner: owner, entries: append(append([]accessEntry(nil), ours...), more...)}
	}
	for name, c := range map[string]struct {
		list accessList
		want []accessGrant
	}{
		"as installed":               {with(admins), nil},
		"made by the service":        {with(service, accessEntry{0, full, who{sid: sidOwnerRights}, false}), nil},
		"made by the system":         {with(system, accessEntry{0, full, who{sid: sidCreator}, false}), nil},
		"run by a person":            {with(me, accessEntry{0, full, me, false}), nil},
		"as ProgramData hands down":  {with(admins, accessEntry{0, read, users, false}, accessEntry{0, 0x100116, users, false}), []accessGrant{{`BUILTIN\Users`, "read"}, {`BUILTIN\Users`, "change"}}},
		"everybody may see it":       {with(admins, accessEntry{0, see, all, false}), nil},
		"generic rights":             {with(admins, accessEntry{0, 0x80000000, all, false}, accessEntry{0, 0x10000000, users, false}), []accessGrant{{"Everyone", "read"}, {`BUILTIN\Users`, "change"}}},
		"under a condition":          {with(admins, accessEntry{9, read, users, false}), []accessGrant{{`BUILTIN\Users`, "read"}}},
		"denied":                     {with(admins, accessEntry{1, full, users, false}), nil},
		"made beforehand by a user":  {with(jan), []accessGrant{{jan.sid, "own"}}},
		"a user may become owner":    {with(admins, accessEntry{0, 0x80000, jan, false}), []accessGrant{{jan.sid, "own"}}},
		"a user may change the list": {with(admins, accessEntry{0, 0x40000, jan, false}), []accessGrant{{jan.sid, "change"}}},
		"a user may delete in it":    {with(admins, accessEntry{0, 0x40, jan, false}), []accessGrant{{jan.sid, "change"}}},
		"no list at all":             {accessList{owner: admins, none: true}, []accessGrant{{"everybody", "change"}}},
		"an empty list":              {accessList{owner: admins}, nil},
	} {
		if diff := cmp.Diff(c.want, c.list.whoHasAccess(me.sid), cmp.AllowUnexported(accessGrant{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got := complaint(`C:\ProgramData\balansd`, []accessGrant{{`BUILTIN\Users`, "read"}, {"Everyone", "read"}, {`BUILTIN\Users`, "change"}, {"Everyone", "read"}})
	if want := `C:\ProgramData\balansd lies open: BUILTIN\Users may change it, BUILTIN\Users, Everyone may read it; `; !strings.HasPrefix(got, want) || len(got) < len(want)+20 {
		t.Errorf("it says: %s", got)
	}
}

func TestCheckAccess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes; the access lists have a test of their own")
	}
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"well": 0o600, "group": 0o660, "read": 0o644, "write": 0o602} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		complaints, err := CheckAccess(path, filepath.Join(dir, "missing"))
		if err != nil {
			t.Error(err)
		}
		text := strings.Join(complaints, "\n")
		switch name {
		case "read":
			if len(complaints) != 1 || !strings.Contains(text, "everybody may read it") || !strings.Contains(text, "chmod") {
				t.Errorf("%s: %q", name, text)
			}
		case "write":
			if len(complaints) != 1 || !strings.Contains(text, "everybody may change it") {
				t.Errorf("%s: %q", name, text)
			}
		default:
			if text != "" {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	// A path that cannot be read is an error; the others are reported.
	complaints, err := CheckAccess(filepath.Join(dir, "well", "x"), filepath.Join(dir, "read"))
	if err == nil || len(complaints) != 1 {
		t.Errorf("%q, %v", complaints, err)
	}
}

// Access lists of a program and of its parent folders, as Windows makes them.
func TestAccessListChangers(t *testing.T) {
	const full, modify, run = 0x1f01ff, 0x1301bf, 0x1200a9
	admins, installer := who{sid: sidAdministrators}, who{sid: sidInstaller}
	users, signedIn := who{sid: "S-1-5-32-545", name: `BUILTIN\Users`}, who{sid: "S-1-5-11", name: `NT AUTHORITY\Authenticated Users`}
	service := who{sid: serviceSID(Name), name: `NT SERVICE\balansd`}
	drive := accessList{owner: installer, entries: []accessEntry{
		{0, full, admins, false}, {0, run, users, false}, {0, 0x4, signedIn, false}, {0, 0xe0010000, signedIn, true},
	}}
	for name, c := range map[string]struct {
		list   accessList
		rights uint32
		want   []accessGrant
	}{
		"a folder of programs":      {accessList{owner: installer, entries: []accessEntry{{0, full, installer, false}, {0, run, users, false}, {0, 0x10000000, who{sid: sidCreator}, true}}}, rightsChange, nil},
		"the drive above":           {drive, rightsReplace, nil},
		"the drive itself":          {drive, rightsChange, []accessGrant{{signedIn.name, "change"}}},
		"a folder made by hand":     {accessList{owner: admins, entries: []accessEntry{{0, modify, signedIn, false}}}, rightsReplace, []accessGrant{{signedIn.name, "change"}}},
		"a file to be written":      {accessList{owner: admins, entries: []accessEntry{{0, 0x2, users, false}}}, rightsChange, []accessGrant{{users.name, "change"}}},
		"whose list can be changed": {accessList{owner: admins, entries: []accessEntry{{0, 0x80000, users, false}}}, rightsReplace, []accessGrant{{users.name, "change"}}},
		"the service's":             {accessList{owner: admins, entries: []accessEntry{{0, modify, service, false}}}, rightsChange, []accessGrant{{service.name, "change"}}},
		"a person's":                {accessList{owner: users}, rightsReplace, []accessGrant{{users.name, "own"}}},
		"without a list":            {accessList{owner: admins, none: true}, rightsReplace, []accessGrant{{"everybody", "change"}}},
	} {
		if diff := cmp.Diff(c.want, c.list.whoCanChange(c.rights, "S-1-5-21-1-2-3-500"), cmp.AllowUnexported(accessGrant{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
