package localapi

import (
	"net"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// checkPeer refuses a socket whose other side is neither root, nor ourselves,
// nor the account of the service.
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
	return stranger(path, who)
}

// mayAnswer tells whether a daemon of a user id is believed by a command of
// another; service is the id of the service's account, empty where there is
// none.
func mayAnswer(uid, own, service string) bool {
	return uid == "0" || uid == own || service != "" && uid == service
}
