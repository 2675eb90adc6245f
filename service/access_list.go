package service

import "slices"

// accessList is the owner and the access list of a file or folder on Windows.
type accessList struct {
	owner   who
	none    bool // there is no list: everybody has full access
	entries []accessEntry
}

// who is an identity: its SID, and its name if Windows knows one.
type who struct{ sid, name string }

func (w who) String() string {
	if w.name != "" {
		return w.name
	}
	return w.sid
}

// accessEntry is an entry of an access list, with the numbers of winnt.h.
type accessEntry struct {
	kind uint8 // one of the numbers below; others allow nothing
	mask uint32
	who  who
	// inheritOnly entries apply to new files in the folder, not to the folder itself.
	inheritOnly bool
}

// Kinds of entries that grant access. Those for new files count as well.
const (
	entryAllow         = 0
	entryAllowCallback = 9 // conditional; the condition is not evaluated
)

// Rights that matter. The others only reveal that the file exists.
const (
	rightsRead   = 0x00000001 | 0x80000000 | 0x10000000                                                     // its data, or generic
	rightsChange = 0x00000002 | 0x00000004 | 0x00000040 | 0x00010000 | 0x00040000 | 0x40000000 | 0x10000000 // data, children, delete, list
	rightsOwner  = 0x00080000                                                                               // become its owner
	// rightsReplace are the rights to replace a folder: to delete its content, to delete
	// or rename it, or to change its access list.
	rightsReplace = 0x00000040 | 0x00010000 | 0x00040000 | 0x10000000
)

// sidInstaller is the Windows service that owns the programs of Windows and the folder of
// programs.
const sidInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// whoCanChange returns who besides the system, the Administrators, the installer of
// Windows and those named can use one of those rights, or give them to
// themselves. The service is not one of those: it must not change its program.
func (a accessList) whoCanChange(rights uint32, also ...string) []accessGrant {
	return a.grants(append([]string{sidSystem, sidAdministrators, sidInstaller}, also...), func(e accessEntry) string {
		if !e.inheritOnly && e.mask&(rights|rightsOwner) != 0 {
			return "change"
		}
		return ""
	})
}

// whoHasAccess returns who may use it besides the system, the Administrators, the
// service, and those named.
func (a accessList) whoHasAccess(also ...string) []accessGrant {
	return a.grants(append([]string{sidSystem, sidAdministrators, serviceSID(Name)}, also...), func(e accessEntry) string {
		switch {
		case e.mask&rightsOwner != 0:
			return "own"
		case e.mask&rightsChange != 0:
			return "change"
		case e.mask&rightsRead != 0:
			return "read"
		}
		return ""
	})
}

// grants returns what others than those of ours may do; may names what an entry
// allows, empty for nothing. An owner may always change the list, so the owner must be
// one of ours too; then rights for "the owner" and for "the creator" of a file are
// harmless. Entries that deny are ignored, so a list that depends on them is refused.
func (a accessList) grants(ours []string, may func(accessEntry) string) (found []accessGrant) {
	if !slices.Contains(ours, a.owner.sid) {
		found = append(found, accessGrant{a.owner.String(), "own"})
	}
	if a.none {
		return append(found, accessGrant{"everybody", "change"})
	}
	ours = append(ours, sidOwnerRights, sidCreator)
	for _, e := range a.entries {
		allows := e.kind == entryAllow || e.kind == entryAllowCallback
		if verb := may(e); allows && verb != "" && !slices.Contains(ours, e.who.sid) {
			found = append(found, accessGrant{e.who.String(), verb})
		}
	}
	return found
}
