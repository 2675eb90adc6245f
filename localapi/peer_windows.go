package localapi

import (
	"net"

	"golang.org/x/sys/windows"
)

// checkPeer returns an error unless the pipe belongs to the local system, to the
// Administrators, to the account of this process or to that of the service: while the
// daemon is off, anybody may create a pipe with its name.
func checkPeer(c net.Conn, path string) error {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return foreignPeer(path, "an unknown account")
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
	return foreignPeer(path, who)
}

// mayAnswer reports whether a command of the account own trusts a pipe of owner.
// service is the account of the service, empty if there is none.
func mayAnswer(owner, own, service string) bool {
	const system, administrators = "S-1-5-18", "S-1-5-32-544"
	return owner == system || owner == administrators || owner == own || service != "" && owner == service
}
