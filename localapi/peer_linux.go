package localapi

import (
	"net"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// checkPeer returns an error unless the process on the other side of c runs as root, as
// this process does, or as the account of the service.
func checkPeer(c net.Conn, path string) error {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	if ctrl := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); ctrl != nil {
		return ctrl
	}
	if err != nil {
		return err
	}
	uid := strconv.FormatUint(uint64(peer.Uid), 10)
	service := ""
	if u, err := user.Lookup(serviceAccount); err == nil {
		service = u.Uid
	}
	if mayAnswer(uid, strconv.Itoa(os.Geteuid()), service) {
		return nil
	}
	who := uid
	if u, err := user.LookupId(uid); err == nil {
		who = u.Username
	}
	return foreignPeer(path, who)
}

// mayAnswer reports whether a command with the user id own trusts a daemon with the
// user id uid. service is the id of the service's account, empty if there is none.
func mayAnswer(uid, own, service string) bool {
	return uid == "0" || uid == own || service != "" && uid == service
}
