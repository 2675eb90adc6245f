package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/problem"
	"balansd/transport"
)

// reachTimeout bounds one attempt to reach a service.
const reachTimeout = 20 * time.Second

// namedAddress is the address of a service.
type namedAddress struct{ name, address string }

// checkServices checks that each configured service can be reached, and compares their
// clocks with that of this server.
func (x *examination) checkServices(ctx context.Context) []daemon.Check {
	cfg, clock := x.cfg, &clockSkews{}
	checkedHosts := map[string]bool{}
	var looks []func() daemon.Check
	services := []namedAddress{{"Finbox", cfg.Finbox.BaseURL}, {"Finbox sign-in", cfg.Finbox.TokenURL}, {"Silverfin", silverfinAddress(cfg)}}
	for _, s := range append(services, administrationHosts(cfg)...) {
		u, err := url.Parse(s.address)
		if s.address == "" || err != nil || checkedHosts[u.Host] {
			continue
		}
		checkedHosts[u.Host] = true
		looks = append(looks, func() daemon.Check { return x.checkReachable(ctx, s.name, u, clock) })
	}
	list := make([]daemon.Check, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() { list[i] = look() })
	}
	all.Wait()
	if skew, known := clock.largest(); known {
		list = append(list, checkClock(skew))
	}
	return list
}

func silverfinAddress(cfg *config.Config) string {
	if !cfg.Silverfin.Configured() {
		return ""
	}
	return cfg.Silverfin.BaseURL
}

// wayOut says how the services are reached.
func wayOut(cfg *config.Config) string {
	if p, err := url.Parse(cfg.Network.Proxy); err == nil && p.Host != "" {
		return "through the proxy " + p.Redacted()
	}
	return "directly"
}

// reach returns what a client needs to try one address.
func (app *App) reach(cfg *config.Config, address string) transport.Config {
	return transport.Config{AllowedHosts: []string{address}, Proxy: cfg.Network.ProxyURL(), CAFile: cfg.Network.CAFile,
		ClientCertificateFile: cfg.Network.ClientCertificateFile, ClientKeyFile: cfg.Network.ClientKeyFile,
		Timeout: reachTimeout, Retries: -1, UserAgent: "balansd/" + app.version(), Log: app.quietLog(cfg)}
}

// checkReachable sends one request to a service. Any response will do, also an error.
func (x *examination) checkReachable(ctx context.Context, name string, u *url.URL, clock *clockSkews) daemon.Check {
	way, address := wayOut(x.cfg), u.Scheme+"://"+u.Host
	tc := x.app.reach(x.cfg, address)
	tc.Skew, tc.Certificates, tc.Log = clock.add, x.host.observe, x.log
	client, err := transport.New(tc)
	if err != nil {
		return daemon.NewCheck(name, "", err)
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
	if err != nil {
		return daemon.NewCheck(name, "", err)
	}
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return daemon.NewCheck(name, "", unreachableError(err, name, u.Host, way))
	}
	_ = resp.Body.Close()
	return daemon.NewCheck(name, fmt.Sprintf("%s answers %s, in %d ms", u.Host, way, time.Since(start).Milliseconds()), nil)
}

// unreachableError returns the problem of a service that cannot be reached.
func unreachableError(err error, name, host, way string) error {
	reason, next := transport.Diagnose(err)
	code := problem.FinboxDown
	if name == "Silverfin" {
		code = problem.SilverfinDown
	}
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err // without the address, which is in the message
	}
	return problem.Wrap(err, code, fmt.Sprintf("%s cannot be reached %s", host, way),
		"Let this server reach "+host+" through the firewall, or set network.proxy in the configuration.").Because(reason, next)
}

// clockSkews records how far the clocks of services are ahead of ours.
type clockSkews struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *clockSkews) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

// largest returns the largest difference, and whether any service sent its time.
func (s *clockSkews) largest() (most time.Duration, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.all {
		if d.Abs() >= most.Abs() {
			most = d
		}
	}
	return most, len(s.all) > 0
}

func checkClock(skew time.Duration) daemon.Check {
	const name = "clock"
	if skew.Abs() <= 2*time.Minute {
		return daemon.NewCheck(name, "agrees with that of the services", nil)
	}
	side := "behind"
	if skew < 0 {
		side = "ahead"
	}
	return daemon.NewCheck(name, "", problem.New(problem.NotAllowed, fmt.Sprintf("the clock of this server is %s %s", skew.Abs().Round(time.Minute), side),
		"Set it right, and have it follow a time server."))
}
