package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/store"
)

// hostWatch keeps what was seen of the server. It is safe for concurrent use.
type hostWatch struct {
	mu     sync.Mutex
	seen   map[string]time.Time // when the certificates of services end, by host
	at     time.Time            // when status was made; zero to look again
	made   time.Time            // when the folder of backups was changed last, before that
	status daemon.HostStatus
}

// observe records when the certificates of a service end.
func (h *hostWatch) observe(host string, chain []*x509.Certificate) {
	end, ok := endOfCertificates(chain)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		h.seen = map[string]time.Time{}
	}
	if !h.seen[host].Equal(end) {
		h.seen[host], h.at = end, time.Time{}
	}
}

// forget has the next look be a new one.
func (h *hostWatch) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = time.Time{}
}

// hostStatusAge is how old an answer of look may be: pages and metrics ask often.
const hostStatusAge = time.Minute

// look returns the certificates, disks and backups of the server.
func (h *hostWatch) look(cfg *config.Config, size int64, now time.Time) daemon.HostStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	var made time.Time
	if info, err := os.Stat(cfg.Backup.Folder); err == nil {
		made = info.ModTime()
	}
	if h.at.IsZero() || now.Sub(h.at).Abs() >= hostStatusAge || !made.Equal(h.made) {
		h.status, h.at, h.made = lookAtHost(cfg, size), now, made
		for host, end := range h.seen {
			h.status.Certificates = append(h.status.Certificates, daemon.Certificate{Name: host, End: end})
		}
		slices.SortFunc(h.status.Certificates, func(a, b daemon.Certificate) int { return cmp.Compare(a.Name, b.Name) })
	}
	return h.status
}

// hostStatus is daemon.Config's Host.
func (n *node) hostStatus() daemon.HostStatus {
	cfg, _ := n.current()
	return n.host.look(cfg, n.store.Size(), n.options.now())
}

// lookAtHost looks at what the configuration names on this server. size is that of the
// state in bytes.
func lookAtHost(cfg *config.Config, size int64) daemon.HostStatus {
	h := daemon.HostStatus{Certificates: fileCertificates(cfg), Disks: []daemon.Disk{}, BackupFolder: cfg.Backup.Folder}
	for _, folder := range []string{filepath.Dir(cfg.StateFile), cfg.Backup.Folder} {
		free, known := store.Space(existing(folder))
		sameDisk := func(d daemon.Disk) bool { return d.Free == free }
		if known && !slices.ContainsFunc(h.Disks, sameDisk) {
			// A night copies the state, and may write as much again.
			const times, spare = 4, 100 << 20
			h.Disks = append(h.Disks, daemon.Disk{Folder: folder, Free: free, Wanted: times*size + spare})
		}
	}
	list, _ := store.ListBackups(cfg.Backup.Folder) // doctor says what is wrong with the folder
	h.Backup = newestBackup(list)
	return h
}

// existing returns the folder, or the nearest one above it that is there.
func existing(folder string) string {
	for {
		parent := filepath.Dir(folder)
		if _, err := os.Stat(folder); err == nil || parent == folder {
			return folder
		}
		folder = parent
	}
}

// fileCertificates returns the certificates in files that the configuration names. One that
// cannot be read is reported by config check.
func fileCertificates(cfg *config.Config) []daemon.Certificate {
	list := []daemon.Certificate{}
	for _, f := range []struct{ key, path string }{
		{"finbox.certificate_file", cfg.Finbox.CertificateFile}, {"network.ca_file", cfg.Network.CAFile},
		{"network.client_certificate_file", cfg.Network.ClientCertificateFile}, {"portal.certificate_file", cfg.Portal.CertificateFile},
	} {
		text, err := os.ReadFile(f.path)
		if f.path == "" || err != nil {
			continue
		}
		if end, ok := certificateEnd(text); ok {
			list = append(list, daemon.Certificate{Name: f.key, File: f.path, End: end})
		}
	}
	return list
}

// certificateMistakes returns the certificates that have ended, and notes on those that
// end soon. They are no mistakes for the service: it starts with them.
func certificateMistakes(cfg *config.Config, now time.Time) (list []config.Mistake, notes []string) {
	for _, c := range fileCertificates(cfg) {
		switch r := c.Check(now); r.Outcome {
		case daemon.CheckWrong:
			list = append(list, cfg.MistakeAt(c.Name, r.Text, strings.ToLower(r.Next[:1])+strings.TrimSuffix(r.Next[1:], ".")))
		case daemon.CheckWarning:
			notes = append(notes, c.Name+": "+r.Text+". "+r.Next)
		}
	}
	return list, notes
}

// checkHost checks the disks, and the certificates of files and of the services that were
// called.
func (x *examination) checkHost(context.Context) []daemon.Check {
	var size int64
	if info, err := os.Stat(x.cfg.StateFile); err == nil {
		size = info.Size()
	}
	x.host.forget()
	h := x.host.look(x.cfg, size, time.Now())
	var list []daemon.Check
	for _, d := range h.Disks {
		list = append(list, d.Check())
	}
	for _, c := range h.Certificates {
		list = append(list, c.Check(time.Now()))
	}
	return list
}
