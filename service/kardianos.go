package service

import (
	kardianos "github.com/kardianos/service"
)

// library returns the service of kardianos/service for a configuration. It
// installs, removes and controls it; what it does not do is described at
// each call of it.
type library func(c *kardianos.Config) (kardianos.Service, error)

// newLibrary returns the library's service for this machine. The process itself
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
