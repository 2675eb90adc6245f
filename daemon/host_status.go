package daemon

import (
	"fmt"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// HostStatus is what the server has that the nights need, and that ends or fills up.
type HostStatus struct {
	Certificates []Certificate `json:"certificates"`
	Disks        []Disk        `json:"disks"`
	// Backup is when the newest backup that can be used was made; zero if there is none.
	Backup       time.Time `json:"backup,omitzero"`
	BackupFolder string    `json:"backup_folder"`
}

// certificateNotice is how long before its end a certificate is reported.
const certificateNotice = 30 * 24 * time.Hour

// Certificate is a certificate that balansd uses: one of a file, or of a service as it was
// last seen.
type Certificate struct {
	Name string    `json:"name"`           // the setting that names the file, or the host of the service
	File string    `json:"file,omitempty"` // empty for one of a service
	End  time.Time `json:"end"`
}

// Check says when the certificate ends.
func (c Certificate) Check(now time.Time) Check {
	name, left := "certificate "+c.Name, c.End.Sub(now)
	text, next := fmt.Sprintf("ends on %s", c.End.Format(time.DateOnly)), "Ask who runs "+c.Name+", or the proxy before it, to renew it."
	if c.File != "" {
		text = c.File + " " + text
		next = "Renew it, put the new one there with its key, and have it read: sudo systemctl reload balansd, or balansd config reload."
	}
	switch {
	case left <= 0:
		text = fmt.Sprintf("has ended, on %s", c.End.Format(time.DateOnly))
		if c.File != "" {
			text = c.File + " " + text
		}
		return NewCheck(name, "", problem.New(problem.KeyInvalid, text, next))
	case left <= certificateNotice:
		return NewWarning(name, fmt.Sprintf("%s, in %d days", text, int(left.Hours()/24)), next)
	}
	return NewCheck(name, text, nil)
}

// Disk is the room on the disk of a folder.
type Disk struct {
	Folder string `json:"folder"`
	Free   int64  `json:"free"`   // bytes
	Wanted int64  `json:"wanted"` // with less than this, a night may fill it
}

// Check says whether there is room.
func (d Disk) Check() Check {
	const name, mega = "disk", 1 << 20
	text := fmt.Sprintf("%d MB are free for %s", d.Free/mega, d.Folder)
	switch {
	case d.Free < d.Wanted/4:
		return NewCheck(name, "", problem.New(problem.StateUnwritable, text+fmt.Sprintf(", and a night may need %d MB", d.Wanted/mega), "Make room on that disk, or enlarge it."))
	case d.Free < d.Wanted:
		return NewWarning(name, text+fmt.Sprintf(", and %d MB should be", d.Wanted/mega), "Make room on that disk, or enlarge it.")
	}
	return NewCheck(name, text, nil)
}

// backupAge is the age from which the newest backup is too old: a night makes one.
const backupAge = 48 * time.Hour

// CheckBackup says whether the newest backup is there, and new enough.
func (h HostStatus) CheckBackup(now time.Time, zone *time.Location) Check {
	const name, next = "backups", "Make one now, and see what it says: balansd backup create."
	switch {
	case h.Backup.IsZero():
		return NewWarning(name, h.BackupFolder+" holds no backup that can be used", next)
	case now.Sub(h.Backup) >= backupAge:
		return NewWarning(name, fmt.Sprintf("the newest backup in %s is of %s", h.BackupFolder, h.Backup.In(zone).Format(time.DateOnly)), next)
	}
	return NewCheck(name, fmt.Sprintf("the newest good one in %s is of %s", h.BackupFolder, h.Backup.In(zone).Format("2006-01-02 15:04")), nil)
}

// conditions returns what needs a person, or will. running says that a daemon answers: it
// makes the backups.
func (h HostStatus) conditions(now time.Time, running bool) (list []ledger.Condition) {
	add := func(kind ledger.ConditionKind, subject string, c Check, params map[string]string) {
		if c.Outcome == CheckWell {
			return
		}
		list = append(list, ledger.Condition{Kind: kind, Subject: subject, Name: subject, Detail: sentence(c.Text, c.Next), Path: "/", Params: params})
	}
	for _, c := range h.Certificates {
		kind := ledger.CertificateEnds
		if !now.Before(c.End) {
			kind = ledger.CertificateEnded
		}
		add(kind, c.Name, c.Check(now), map[string]string{"date": c.End.Format(time.DateOnly)})
	}
	for _, d := range h.Disks {
		add(ledger.DiskLow, d.Folder, d.Check(), nil)
	}
	if running {
		add(ledger.BackupMissing, h.BackupFolder, h.CheckBackup(now, time.UTC), nil)
	}
	return list
}
