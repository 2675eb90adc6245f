package localapi

import (
	"net"

	"golang.org/x/sys/windows"
)

// checkPeer refuses a pipe that belongs neither to the local system, nor to the
// Administrators, nor to ourselves, nor to the account of the service: anybody
// may make one of its name while the daemon is off.
func checkPeer(c net.Conn, path string) error {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return stranger(path, "an unknown account")
	}
	access, err := windows.GetSecurityInfo(windows.Handle(pipe.Fd()), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := access.Owner()
	if err != nil {
		return err
	}
	own, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	service := ""
	if sid, _, _, err := windows.LookupSID("", `NT SERVICE\`+serviceAccount); err == nil {
		service = sid.String()
	}
	if mayAnswer(owner.String(), own.User.Sid.String(), service) {
		return nil
	}
	who := owner.String()
	if name, domain, _, err := owner.LookupAccount(""); err == nil {
		who = domain + `\` + name
	}
	return stranger(path, who)
}

// mayAnswer tells whether a pipe of an owner is believed by a command of
// another; service is the service's account, empty where there is none.
func mayAnswer(owner, own, service string) bool {
	const system, administrators = "S-1-5-18", "S-1-5-32-544"
	return owner == system || owner == administrators || owner == own || service != "" && owner == service
}
