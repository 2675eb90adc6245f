package service

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"

	"balansd/problem"
)

// While the service stops it reports so every second, and that the next report
// comes within ten: Windows takes a service that falls silent for hung.
const (
	stopWord = time.Second
	stopHint = 10 * time.Second
)

// managed does the work as a Windows service, until it ends or Windows wants it
// to. The end of ctx does not count: Windows notifies every service when a user
// logs off, Go makes SIGTERM of that, and balansd must outlive it. So those
// signals are unregistered before anything else.
func (o RunOptions) managed(ctx context.Context, work Work) error {
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	h := &handler{ctx: context.WithoutCancel(ctx), options: o, work: work, result: make(chan result, 1)}
	err := svc.Run(Name, h)
	switch {
	case errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT):
		return problem.Wrap(err, problem.Usage, "run --service is for Windows alone, which starts the service",
			"Start it with balansd service start, or run balansd here with balansd run.")
	case err != nil:
		return problem.Wrap(err, problem.Unexpected, "Windows does not take this process as its service", "See the event log under System.")
	}
	r := <-h.result
	if r.hung {
		o.Exit(1)
	}
	return r.err
}

// handler is the running service as Windows sees it.
type handler struct {
	ctx     context.Context
	options RunOptions
	work    Work
	result  chan result // one
}

// result is how the work ended; hung when it did not.
type result struct {
	err  error
	hung bool
}

// Execute says at once that the service runs, does the work, and answers
// Windows meanwhile. Its result is the service's exit code: an error that nobody
// asked for makes Windows restart it.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, statuses chan<- svc.Status) (bool, uint32) {
	now := svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown}
	statuses <- now
	ctx, stop := context.WithCancel(h.ctx)
	defer stop()
	done, hung := make(chan error, 1), make(chan struct{})
	o := h.options
	// The end of a process that says nothing is a crash to Windows, also while
	// it stops: it would come back after an admin stopped it. So it says that
	// it has stopped, and then ends.
	o.Exit = func(int) { close(hung) }
	go func() { done <- o.supervise(ctx, h.work, func(string) {}) }()

	tick := time.NewTicker(stopWord)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			h.result <- result{err: err}
			// After exit code 2, which a person has to mend first, Windows is not to
			// start it again and again: the log says what is wrong.
			if err == nil || now.State == svc.StopPending || problem.Of(err).Code.ExitCode() == 2 {
				return false, 0
			}
			return true, uint32(problem.Of(err).Code.ExitCode())
		case <-hung:
			h.result <- result{hung: true}
			return false, 0
		case <-tick.C:
			if now.State == svc.StopPending {
				now.CheckPoint++
				statuses <- now
			}
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				statuses <- now
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				stop()
				now = svc.Status{State: svc.StopPending, CheckPoint: now.CheckPoint + 1, WaitHint: uint32(stopHint / time.Millisecond)}
				statuses <- now
			}
		}
	}
}
