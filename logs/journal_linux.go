package logs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A journal that does not take entries gets this long for one, and then rest,
// in which lines go elsewhere at once: the daemon does not wait for its log.
const (
	journalTimeout = 100 * time.Millisecond
	journalPause   = time.Second
)

// onJournal reports whether w is connected with the journal: systemd says in
// JOURNAL_STREAM which device and inode it connected (systemd.exec). A
// terminal or file that took its place since has others.
func onJournal(w io.Writer, stream string) bool {
	f, ok := w.(*os.File)
	if !ok || stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journal sends lines to journald. Its socket is connected, because only then does the
// kernel wake a sender that waits for space. It is for one goroutine at a time.
type journal struct {
	socket      string
	conn        *net.UnixConn
	pausedUntil time.Time // until then it is not tried
}

func newJournal(socket string) *journal { return &journal{socket: socket} }

// Write sends a line.
func (j *journal) Write(text []byte) (int, error) {
	l, err := parse(text)
	if err != nil {
		return 0, err
	}
	if time.Now().Before(j.pausedUntil) {
		return 0, errors.New("the journal takes no entries now")
	}
	e := journalEntry(l)
	err = j.send(e)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		_ = j.close() // journald may have been started anew
		err = j.send(e)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		j.pausedUntil = time.Now().Add(journalPause)
	}
	if err != nil {
		return 0, err
	}
	return len(text), nil
}

func (j *journal) send(e []byte) error {
	if j.conn == nil {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: j.socket, Net: "unixgram"})
		if err != nil {
			return err
		}
		j.conn = conn
	}
	if err := j.conn.SetWriteDeadline(time.Now().Add(journalTimeout)); err != nil {
		return err
	}
	_, err := j.conn.Write(e)
	if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
		return j.sendLarge(e)
	}
	return err
}

// sendLarge hands over an entry that is too large for one datagram in a piece
// of memory that cannot be changed any more, as the protocol wants it.
func (j *journal) sendLarge(e []byte) error {
	fd, err := unix.MemfdCreate("balansd-log", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("memory for a large entry: %w", err)
	}
	memory := os.NewFile(uintptr(fd), "balansd-log")
	defer func() { _ = memory.Close() }()
	if _, err := memory.Write(e); err != nil {
		return err
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	// WriteMsgUnix takes no connected socket, so this is what it does.
	raw, err := j.conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(socket uintptr) bool {
		sent = unix.Sendmsg(int(socket), nil, unix.UnixRights(int(memory.Fd())), nil, 0)
		return !errors.Is(sent, unix.EAGAIN)
	})
	return cmp.Or(err, sent)
}

func (j *journal) close() error {
	if j.conn == nil {
		return nil
	}
	err := j.conn.Close()
	j.conn = nil
	return err
}
