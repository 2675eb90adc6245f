package service

import (
	"context"
	"strings"
	"time"

	kardianos "github.com/kardianos/service"
)

// library gives the service of kardianos/service for a configuration. It
// installs, removes and gives orders; what it leaves to be done stands beside
// each call of it.
type library func(c *kardianos.Config) (kardianos.Service, error)

// newLibrary gives the library's service for this machine. The process itself
// runs without it, see Run.
func newLibrary(c *kardianos.Config) (kardianos.Service, error) { return kardianos.New(nil, c) }

// about is what the service is for, as managers show it.
const about = "Brings social balances from SD Worx Finbox into Silverfin, each night."

// libraryConfig describes a service to the library.
func libraryConfig(s Spec) *kardianos.Config {
	return &kardianos.Config{
		Name: Name, DisplayName: Name, Description: about, Executable: s.Executable, Arguments: arguments(s),
		Option: kardianos.KeyValue{},
	}
}

// arguments are what the program of the service is called with. Nothing of it
// is resolved at the start.
func arguments(s Spec) []string { return []string{"run", "--service", "--config", s.Config} }

// script describes a service to the library whose script, unit or list of
// properties is text, to the letter. The library reads two braces as the start
// of a key; one that it has no other use for gives them back.
func script(s Spec, option, text string) *kardianos.Config {
	const key = "LogDirectory"
	c := libraryConfig(s)
	c.Option[key] = "{{"
	c.Option[option] = strings.ReplaceAll(text, "{{", "{{"+key+"}}")
	return c
}

// bounded calls do, an order of the library's, which waits until it is carried
// out, however long that takes. It does not wait for it when ctx has ended.
func bounded(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause waits a moment; false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
