package service

import (
	"context"
	"os"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// stopTime is how long a stop may take before the process ends itself. Service
// managers wait a little longer, so that the process always ends itself and
// records what hung.
const stopTime = 25 * time.Second

// hardExitTime is how long the dump and the log line of a hard exit may take; a
// dead disk may be the very reason why nothing ends.
const hardExitTime = 2 * time.Second

// RunOptions say how a process runs.
type RunOptions struct {
	// Managed says that a service manager started the process: the unit and
	// the service of Windows pass the argument --service. It is never guessed.
	Managed bool
	Log     zerolog.Logger
	// Alive reports whether the process still does its work, within the time of
	// its context. A manager that watches the process is notified that it is alive
	// only while Alive returns nil, and kills and restarts it otherwise. Nil is
	// always alive. It is called from a goroutine of its own.
	Alive func(ctx context.Context) error
	// CrashFile takes the stack traces of a panic or of a process that would
	// not stop; empty for none. What is in it from the last run is moved aside
	// and logged as problem.CrashFound.
	CrashFile string
	// Exit ends the process; os.Exit when nil.
	Exit func(code int)
}

// Work is what a process does until ctx ends. It may report its status to the
// manager, in a few words, with say; say may be called from
// several goroutines.
type Work func(ctx context.Context, say func(status string)) error

// Run does the work, as a service when o.Managed, until it returns or is
// stopped by the end of ctx or by the manager. The work's context ends at
// once then; when the work has not returned after StopTime, the process ends
// with exit code 1, and the crash file has the stack of every goroutine.
//
// The manager is notified at once that the service runs, before the work begins: a
// slow or failing network is no reason to call a start failed. What makes a
// start impossible, such as a wrong configuration, is found before Run under
// systemd, so that the start itself fails; under Windows it is an error of the
// work, since the service control manager must be answered first.
//
// Run returns the work's error. It logs a crash of the last run and a hard exit;
// start and stop are the caller's to log.
func Run(ctx context.Context, o RunOptions, work Work) error {
	if o.Exit == nil {
		o.Exit = os.Exit
	}
	if o.CrashFile != "" {
		if err := catchCrashes(o.CrashFile, time.Now(), o.Log); err != nil {
			o.Log.Warn().Err(err).Str("file", o.CrashFile).Msg("a crash could not be written to its file")
		}
	}
	if o.Managed {
		return o.managed(ctx, work)
	}
	return o.supervise(ctx, work, func(string) {})
}

// supervise does the work, and ends the process when it does not return in time
// after ctx ended.
func (o RunOptions) supervise(ctx context.Context, work Work, say func(string)) error {
	done := make(chan struct{})
	defer close(done)
	defer context.AfterFunc(ctx, func() {
		late := time.NewTimer(stopTime)
		defer late.Stop()
		select {
		case <-done:
		case <-late.C:
			o.hardExit()
		}
	})()
	return work(ctx, say)
}

// hardExit ends the process, and says why as far as disk and log still work.
func (o RunOptions) hardExit() {
	said := make(chan struct{})
	go func() {
		defer close(said)
		if o.CrashFile != "" {
			if err := dumpGoroutines(o.CrashFile); err != nil {
				o.Log.Warn().Err(err).Str("file", o.CrashFile).Msg("the stacks of a hanging balansd could not be written to a file")
			}
		}
		o.Log.Error().Uint32(problem.NoticeKey, uint32(problem.HardExit)).Str("file", o.CrashFile).
			Dur("after_ms", stopTime).Msg("balansd did not stop in time and ends itself")
	}()
	select {
	case <-said:
	case <-time.After(hardExitTime):
	}
	o.Exit(1)
}
