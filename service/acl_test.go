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

// Access lists as Windows has them, with the rights by their numbers.
func TestAccessListOpenTo(t *testing.T) {
	const full, modify, read, see = 0x1f01ff, 0x1301bf, 0x120089, 0x1200a0 // see: attributes and going through
	service, me := who{sid: serviceSID(Name)}, who{sid: "S-1-5-21-1-2-3-500", name: `OFFICE\admin`}
	system, admins := who{sid: sidSystem}, who{sid: sidAdministrators}
	users, all := who{sid: "S-1-5-32-545", name: `BUILTIN\Users`}, who{sid: "S-1-1-0", name: "Everyone"}
	jan := who{sid: "S-1-5-21-1-2-3-1001"}
	ours := []accessEntry{{0, full, system}, {0, full, admins}, {0, modify, service}}
	with := func(owner who, more ...accessEntry) accessList {
		return accessList{owner: owner, entries: append(append([]accessEntry(nil), ours...), more...)}
	}
	for name, c := range map[string]struct {
		list accessList
		want []opening
	}{
		"as installed":               {with(admins), nil},
		"made by the service":        {with(service, accessEntry{0, full, who{sid: sidOwnerRights}}), nil},
		"made by the system":         {with(system, accessEntry{0, full, who{sid: sidCreator}}), nil},
		"run by a person":            {with(me, accessEntry{0, full, me}), nil},
		"as ProgramData hands down":  {with(admins, accessEntry{0, read, users}, accessEntry{0, 0x100116, users}), []opening{{`BUILTIN\Users`, "read"}, {`BUILTIN\Users`, "change"}}},
		"everybody may see it":       {with(admins, accessEntry{0, see, all}), nil},
		"generic rights":             {with(admins, accessEntry{0, 0x80000000, all}, accessEntry{0, 0x10000000, users}), []opening{{"Everyone", "read"}, {`BUILTIN\Users`, "change"}}},
		"under a condition":          {with(admins, accessEntry{9, read, users}), []opening{{`BUILTIN\Users`, "read"}}},
		"denied":                     {with(admins, accessEntry{1, full, users}), nil},
		"made beforehand by a user":  {with(jan), []opening{{jan.sid, "own"}}},
		"a user may become owner":    {with(admins, accessEntry{0, 0x80000, jan}), []opening{{jan.sid, "own"}}},
		"a user may change the list": {with(admins, accessEntry{0, 0x40000, jan}), []opening{{jan.sid, "change"}}},
		"a user may delete in it":    {with(admins, accessEntry{0, 0x40, jan}), []opening{{jan.sid, "change"}}},
		"no list at all":             {accessList{owner: admins, none: true}, []opening{{"everybody", "change"}}},
		"an empty list":              {accessList{owner: admins}, nil},
	} {
		if diff := cmp.Diff(c.want, c.list.openTo(me.sid), cmp.AllowUnexported(opening{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got := complaint(`C:\ProgramData\balansd`, []opening{{`BUILTIN\Users`, "read"}, {"Everyone", "read"}, {`BUILTIN\Users`, "change"}, {"Everyone", "read"}})
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
	// A path that cannot be looked at is an error, and the others are told.
	complaints, err := CheckAccess(filepath.Join(dir, "well", "x"), filepath.Join(dir, "read"))
	if err == nil || len(complaints) != 1 {
		t.Errorf("%q, %v", complaints, err)
	}
}
