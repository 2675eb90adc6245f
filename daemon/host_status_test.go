package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHostConditions checks from when on the server needs a person: a certificate 30 days
// before its end, a disk before a night fills it, a backup after two days.
func TestHostConditions(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	in := func(d time.Duration) []Certificate { return []Certificate{{Name: "a.example", End: now.Add(d)}} }
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		host    HostStatus
		stopped bool
		want    []string
	}{
		"nothing":                   {HostStatus{Backup: now}, false, nil},
		"a certificate in 31 days":  {HostStatus{Backup: now, Certificates: in(31 * day)}, false, nil},
		"a certificate in 30 days":  {HostStatus{Backup: now, Certificates: in(30 * day)}, false, []string{`certificate_ends "a.example" 2026-04-09`}},
		"a certificate in a second": {HostStatus{Backup: now, Certificates: in(time.Second)}, false, []string{`certificate_ends "a.example" 2026-03-10`}},
		"a certificate that ended":  {HostStatus{Backup: now, Certificates: in(0)}, false, []string{`certificate_ended "a.example" 2026-03-10`}},
		"room":                      {HostStatus{Backup: now, Disks: []Disk{{"/var", 100, 100}}}, false, nil},
		"little room":               {HostStatus{Backup: now, Disks: []Disk{{"/var", 99, 100}}}, false, []string{`disk_low "/var" `}},
		"a backup of yesterday":     {HostStatus{Backup: now.Add(-47 * time.Hour)}, false, nil},
		"an old backup":             {HostStatus{BackupFolder: "/b", Backup: now.Add(-48 * time.Hour)}, false, []string{`backup_missing "/b" `}},
		"no backup":                 {HostStatus{BackupFolder: "/b"}, false, []string{`backup_missing "/b" `}},
		"no backup and no service":  {HostStatus{BackupFolder: "/b"}, true, nil},
	} {
		var got []string
		for _, c := range conditionsOf(Status{Host: &c.host, Running: !c.stopped}, time.Time{}, now) {
			got = append(got, fmt.Sprintf("%s %q %s", c.Kind, c.Subject, c.Params["date"]))
			if c.Detail == "" || c.Role != "admin" {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestHostChecks checks the outcome of each check of doctor: what is over is wrong, what
// comes is a warning.
func TestHostChecks(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	certificate := func(d time.Duration) Check {
		return Certificate{Name: "portal.certificate_file", File: "/x", End: now.Add(d)}.Check(now)
	}
	for name, c := range map[string]struct {
		got  Check
		want CheckOutcome
	}{
		"far":         {certificate(1000 * time.Hour), CheckWell},
		"near":        {certificate(719 * time.Hour), CheckWarning},
		"over":        {certificate(-time.Second), CheckWrong},
		"room":        {Disk{"/var", 100, 100}.Check(), CheckWell},
		"little room": {Disk{"/var", 99, 100}.Check(), CheckWarning},
		"no room":     {Disk{"/var", 24, 100}.Check(), CheckWrong},
		"no backup":   {HostStatus{}.CheckBackup(now, time.UTC), CheckWarning},
		"a backup":    {HostStatus{Backup: now}.CheckBackup(now, time.UTC), CheckWell},
	} {
		if c.got.Outcome != c.want || c.got.Text == "" || c.want != CheckWell && c.got.Next == "" {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}
