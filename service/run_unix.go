//go:build !windows

package service

import (
	"context"
	"os"
	"time"

	"balansd/problem"
)

// managed does the work as a service of systemd with Type=notify.
func (o RunOptions) managed(ctx context.Context, work Work) error {
	n := newNotifier(o.Environ)
	tell := func(lines ...string) {
		if err := n.tell(lines...); err != nil {
			o.Log.Warn().Err(err).Msg("systemd does not take what balansd tells it")
		}
	}
	tell("READY=1")
	defer context.AfterFunc(ctx, func() { tell("STOPPING=1", status("stopping")) })()
	if every := watchdogTime(o.Environ, os.Getpid()); every > 0 {
		// The watchdog goes on while the process stops: a stop has a time limit
		// of its own.
		watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		go o.watchdog(watch, every, func() { tell("WATCHDOG=1") })
	}
	err := o.supervise(ctx, work, func(text string) { tell(status(text)) })
	if err != nil && ctx.Err() == nil {
		// It stays in systemctl status after the end.
		p := problem.Of(err)
		tell(status(p.What + ". " + p.Next))
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
