package problem

// Notice is an event that is written to the Windows event log, or with a message id
// to the journal, without being an error. Its number is the event id: stable, and
// different from those of the codes. A log line has it in the field NoticeKey.
type Notice uint32

// The notices.
const (
	Started          Notice = 100 // balansd started
	Stopping         Notice = 101 // balansd was asked to stop
	StoppedWell      Notice = 102 // balansd stopped in good order
	NightDone        Notice = 110 // a nightly run went through
	NightNeedsPerson Notice = 111 // a nightly run ended with something that needs a person
	NightMissed      Notice = 112 // a night was missed, and why
	NightAgain       Notice = 113 // a night without its services is tried again
	BackupMade       Notice = 120 // a copy of the state was made and read back
	BackupFailed     Notice = 121 // no copy of the state could be made
	CrashFound       Notice = 130 // the last run ended in a crash
	HardExit         Notice = 131 // balansd did not stop in time and was ended
	ClockWrong       Notice = 132 // the clock of the server cannot be right
	FolderOpen       Notice = 133 // others than the service may write in the data folder
	ConfigReloaded   Notice = 140 // the configuration was read again
)

// NoticeKey is the key of the log field that holds a Notice.
const NoticeKey = "event_id"

// notices describes each notice, for the manuals.
var notices = map[Notice]string{
	Started:          "balansd started",
	Stopping:         "balansd was asked to stop",
	StoppedWell:      "balansd stopped in good order",
	NightDone:        "a nightly run went through",
	NightNeedsPerson: "a nightly run ended with something that needs a person",
	NightMissed:      "a night was missed, and why",
	NightAgain:       "a night without its services is tried again",
	BackupMade:       "a copy of the state was made and read back",
	BackupFailed:     "no copy of the state could be made",
	CrashFound:       "the last run ended in a crash",
	HardExit:         "balansd did not stop in time and was ended",
	ClockWrong:       "the clock of the server cannot be right",
	FolderOpen:       "others than the service may write in the data folder",
	ConfigReloaded:   "the configuration was read again",
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
