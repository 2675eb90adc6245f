//go:build !windows

package service

import "balansd/problem"

func newInitd(h host) (Manager, error) {
	return nil, problem.New(problem.NotAllowed, "systemd does not run on this machine, so that it cannot run balansd as a service",
		"Have whatever starts programs here start balansd run, as an account of its own, and restart it when it ends.")
}
