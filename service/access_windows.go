package service

import (
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// own sets owner and access list of one file or folder. It uses a handle opened without
// following links, so that nobody can put a link there between the check and the change.
// The privileges let an Administrator change files of other users.
func (machine) own(path, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return privileged([]string{winio.SeBackupPrivilege, winio.SeRestorePrivilege}, func() error {
		return withFile(path, windows.READ_CONTROL|windows.WRITE_DAC|windows.WRITE_OWNER, func(h windows.Handle) error {
			return windows.SetSecurityInfo(h, windows.SE_FILE_OBJECT,
				windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION,
				owner, nil, dacl, nil)
		})
	})
}

// seDebug lets an Administrator query processes of other accounts.
const seDebug = "SeDebugPrivilege"

// privileged calls do with the privileges that the process can enable.
func privileged(names []string, do func() error) error {
	var result error
	err := winio.RunWithPrivileges(names, func() error {
		result = do()
		return nil
	})
	if err != nil {
		return do()
	}
	return result
}

// withFile calls do with a handle of a file or folder. It does not follow a link.
func withFile(path string, access uint32, do func(h windows.Handle) error) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	h, err := windows.CreateFile(name, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	return do(h)
}

// grant adds rights of the service to an access list. It uses the path instead of a
// handle, so that Windows applies them to the content of a folder.
func (machine) grant(path string, mask uint32) error {
	sid, err := windows.StringToSid(serviceSID(Name))
	if err != nil {
		return err
	}
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	old, _, err := sd.DACL()
	if err != nil {
		return err
	}
	var pin runtime.Pinner
	pin.Pin(sid)
	defer pin.Unpin()
	dacl, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{{
		AccessPermissions: windows.ACCESS_MASK(mask),
		AccessMode:        windows.GRANT_ACCESS,
		Inheritance:       windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT, // ignored for a file
		Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_USER,
			TrusteeValue: windows.TrusteeValueFromSID(sid)},
	}}, old)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

// readAccess reads the owner and access list of a file or folder.
func readAccess(path string) (a accessList, err error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return a, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return a, err
	}
	a.owner = identity(owner)
	dacl, _, err := sd.DACL()
	if err != nil {
		return a, err
	}
	if dacl == nil {
		a.none = true
		return a, nil
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return a, err
		}
		if kind := ace.Header.AceType; kind != entryAllow && kind != entryAllowCallback {
			continue // others grant nothing, and not all have a SID there
		}
		a.entries = append(a.entries, accessEntry{
			kind: ace.Header.AceType, mask: uint32(ace.Mask),
			who: identity((*windows.SID)(unsafe.Pointer(&ace.SidStart))), inheritOnly: ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0,
		})
	}
	runtime.KeepAlive(sd)
	return a, nil
}

// identity returns a SID and its name.
func identity(sid *windows.SID) who {
	w := who{sid: sid.String()}
	if account, domain, _, err := sid.LookupAccount(""); err == nil {
		w.name = account
		if domain != "" {
			w.name = domain + `\` + account
		}
	}
	return w
}

// callerSIDs returns the identity of this process, which may use our files as well.
func callerSIDs() ([]string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	return []string{user.User.Sid.String()}, nil
}

// whoHasAccess returns who else can use the file or folder at path.
func whoHasAccess(path string) ([]accessGrant, error) {
	also, err := callerSIDs()
	if err != nil {
		return nil, err
	}
	a, err := readAccess(path)
	if err != nil {
		return nil, err
	}
	return a.whoHasAccess(also...), nil
}

// programFolder is a safe folder for the program.
const programFolder = `C:\Program Files\balansd`

func (machine) whoHasAccess(path string) ([]string, error) { return whoCanChangeProgram(path) }

// whoCanChangeFile returns who besides the administrators and the caller can change or
// replace the file at path. The service may change what is its own.
func whoCanChangeFile(path string) ([]string, error) {
	return whoCanChangePath(path, rightsReplace, serviceSID(Name))
}

// whoCanChangeProgram returns who besides the administrators can change or replace the
// program at path. The caller is trusted, since installing needs the rights of an
// Administrator. A program loads libraries from its folder, so the folder must be as
// protected as the program.
func whoCanChangeProgram(path string) ([]string, error) { return whoCanChangePath(path, rightsChange) }

// whoCanChangePath returns who besides the administrators, the caller and those named can
// change or replace the file at path. beside are the rights that nobody else may have on
// its folder; on parent folders these are rightsReplace.
func whoCanChangePath(path string, beside uint32, also ...string) (found []string, err error) {
	caller, err := callerSIDs()
	if err != nil {
		return nil, err
	}
	also = append(also, caller...)
	rights, next := uint32(rightsChange), beside
	for p := path; ; p = filepath.Dir(p) {
		a, err := readAccess(p)
		if err != nil {
			return nil, err
		}
		if who := a.whoCanChange(rights, also...); len(who) > 0 {
			found = append(found, p+": "+describeGrants(who))
		}
		rights, next = next, rightsReplace
		if p == filepath.Dir(p) {
			return found, nil
		}
	}
}

// accessRemedy returns what to do about the access of others to a path.
func accessRemedy(string) string {
	return "run balansd service install as an Administrator, which sets it right"
}
