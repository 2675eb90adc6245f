//go:build !windows

package service

import (
	"context"
	"strings"

	kardianos "github.com/kardianos/service"
)

// script describes a service to the library whose script, unit or list of
// properties is text, to the letter. The library reads two braces as the start
// of a key; a key without another meaning restores them.
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
