package problem

// Notice is an event that is written to the Windows event log, or with a message id
// to the journal, without being an error. Its number is the event id: stable, and
// different from those of the codes. A log line has it in the field NoticeKey.
type Notice uint32

// The notices.
const (
	Started          Notice = 100 // balansd started
	Stopping         Notice = 101 // balansd is asked to stop
	StoppedWell      Notice = 102 // balansd stopped
	NightDone        Notice = 110 // a nightly run completed
	NightNeedsPerson Notice = 111 // a nightly run needs a person
	NightMissed      Notice = 112 // a night was missed
	NightAgain       Notice = 113 // a nightly run is retried
	BackupMade       Notice = 120 // a backup was made
	BackupFailed     Notice = 121 // no backup could be made
	CrashFound       Notice = 130 // balansd crashed
	HardExit         Notice = 131 // balansd did not stop in time
	ClockWrong       Notice = 132 // the clock is wrong
	FolderOpen       Notice = 133 // others can access files of balansd
	ConfigReloaded   Notice = 140 // the configuration was reloaded
)

// NoticeKey is the key of the log field that holds a Notice.
const NoticeKey = "event_id"

// notices describes each notice, for the manuals.
var notices = map[Notice]string{
	Started:          "balansd started",
	Stopping:         "balansd is asked to stop",
	StoppedWell:      "balansd stopped",
	NightDone:        "a nightly run completed",
	NightNeedsPerson: "a nightly run needs a person",
	NightMissed:      "a night was missed",
	NightAgain:       "a nightly run is retried",
	BackupMade:       "a backup was made",
	BackupFailed:     "no backup could be made",
	CrashFound:       "balansd crashed",
	HardExit:         "balansd did not stop in time",
	ClockWrong:       "the clock is wrong",
	FolderOpen:       "others can access files of balansd",
	ConfigReloaded:   "the configuration was reloaded",
}

// String returns the description of the notice.
func (n Notice) String() string { return notices[n] }

// Notices lists every notice, for the manuals and their tests. The order is
// unspecified.
func Notices() []Notice {
	all := make([]Notice, 0, len(notices))
	for n := range notices {
		all = append(all, n)
	}
	return all
}
