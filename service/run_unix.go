//go:build !windows

package service

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"balansd/problem"
)

// managed does the work as a service of systemd with Type=notify. A failed
// notification is only logged: the watchdog is notified again each interval, and
// the status text is informational.
func (o RunOptions) managed(ctx context.Context, work Work) error {
	n := newNotifier()
	notify := func(assignments ...string) {
		if err := n.notify(assignments...); err != nil {
			o.Log.Warn().Err(err).Msg("systemd does not accept the notifications of balansd")
		}
	}
	notify(daemon.SdNotifyReady)
	defer context.AfterFunc(ctx, func() { notify(daemon.SdNotifyStopping, status("stopping")) })()
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		o.Log.Warn().Err(err).Msg("the watchdog of systemd gets no notifications")
	}
	if interval > 0 {
		// The watchdog is notified until the process ends: a stop has a time limit
		// of its own.
		watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		go o.watchdog(watch, interval, func() { notify(daemon.SdNotifyWatchdog) })
	}
	err = o.supervise(ctx, work, func(text string) { notify(status(text)) })
	if err != nil && ctx.Err() == nil {
		// It stays in systemctl status after the end.
		p := problem.Of(err)
		notify(status(p.What + ". " + p.Next))
	}
	return err
}

// watchdog says three times in each span that the process is alive, while it
// is.
func (o RunOptions) watchdog(ctx context.Context, every time.Duration, ping func()) {
	third := every / 3
	tick := time.NewTicker(third)
	defer tick.Stop()
	for {
		if err := o.alive(ctx, third); err == nil {
			ping()
		} else if ctx.Err() == nil {
			o.Log.Error().Err(err).Dur("restart_within_ms", every).Msg("balansd hangs, systemd will restart it")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// alive asks Alive, which gets limited time even if it does not heed its
// context: a lock that is never released is what it is there to find.
func (o RunOptions) alive(ctx context.Context, limit time.Duration) error {
	if o.Alive == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- o.Alive(ctx) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
