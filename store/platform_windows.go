package store

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// release closes a file in which bbolt panicked, with its lock.
func release(f *os.File) { _ = f.Close() }

// keyWrap says that the key in its file is encrypted by DPAPI.
const keyWrap = "dpapi"

// syncFolder does nothing: Windows cannot sync a folder, and NTFS journals the
// names in it.
func syncFolder(string) error { return nil }

// refusalOf classifies an error of the operating system.
func refusalOf(err error) refusal {
	for kind, list := range map[refusal][]error{
		readOnlyDisk: {windows.ERROR_WRITE_PROTECT},
		failingDisk: {windows.ERROR_CRC, windows.ERROR_IO_DEVICE, windows.ERROR_SECTOR_NOT_FOUND, windows.ERROR_NOT_READY,
			windows.ERROR_DISK_CORRUPT, windows.ERROR_BAD_NETPATH, windows.ERROR_NETNAME_DELETED},
		fullDisk: {windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}, noMoreFiles: {windows.ERROR_TOO_MANY_OPEN_FILES},
	} {
		for _, errno := range list {
			if errors.Is(err, errno) {
				return kind
			}
		}
	}
	return noRefusal
}

// takeOwner has nothing to do: a new file takes over who may use it from its
// folder.
func takeOwner(string, string) error { return nil }

// swap replaces a state file that is open and locked by temp. Windows cannot replace
// an open file, so it is closed first; if another process opens it in between, the
// swap fails.
//
// A file in which bbolt panicked stays mapped. It cannot be replaced until this
// process ends, but it can be moved away first; create moves it back if the swap was
// cut off there.
func swap(temp, path string, closeOld func() error) error {
	if err := closeOld(); err != nil {
		return err
	}
	err := os.Rename(temp, path)
	if err == nil || os.Rename(path, path+awayMark) != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Rename(path+awayMark, path))
	}
	_ = os.Remove(path + awayMark) // else the next start does so
	return nil
}

// entropy ties the wrapped key to balansd. It is no secret.
const entropy = "balansd data key"

// wrapKey encrypts the key with DPAPI for this machine and not for one account: the
// service and an administrator at the command line must both be able to use it. The
// file's access list excludes other accounts.
func wrapKey(key []byte) ([]byte, error) {
	var out windows.DataBlob
	err := windows.CryptProtectData(blob(key), nil, blob([]byte(entropy)), 0, nil,
		windows.CRYPTPROTECT_UI_FORBIDDEN|windows.CRYPTPROTECT_LOCAL_MACHINE, &out)
	return taken(out, err)
}

// unwrapKey undoes wrapKey. It fails on another machine.
func unwrapKey(text []byte) ([]byte, error) {
	var out windows.DataBlob
	err := windows.CryptUnprotectData(blob(text), nil, blob([]byte(entropy)), 0, nil,
		windows.CRYPTPROTECT_UI_FORBIDDEN, &out)
	return taken(out, err)
}

func blob(b []byte) *windows.DataBlob {
	if len(b) == 0 {
		return &windows.DataBlob{}
	}
	return &windows.DataBlob{Size: uint32(len(b)), Data: &b[0]}
}

// taken copies what DPAPI allocated, and frees it.
func taken(out windows.DataBlob, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data))) }()
	return append([]byte(nil), unsafe.Slice(out.Data, out.Size)...), nil
}

// serviceSID is the identity of the service balansd in access lists, which
// Windows makes from its name.
const serviceSID = "S-1-5-80-3216120858-621079676-1319477531-3847987084-888722129"

// protectKey lets only the system, administrators, the file's owner and the service
// use the key file, without inheriting from the folder. The service is included for a
// key that an administrator creates at the command line.
func protectKey(path string) error {
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;FA;;;" + serviceSID + ")")
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

// checkKeyFile has nothing to see in the mode, which Windows does not have.
func checkKeyFile(os.FileInfo) error { return nil }
