package httpserver

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

const (
	headerTimeout   = 5 * time.Second
	shutdownTimeout = 3 * time.Second // of the five seconds in which the daemon must stop
	maxHeader       = 16 << 10
)

// New returns a server of h whose connection errors go to log.
func New(h http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          errorLog(log),
	}
}

// Run runs serve, a Serve method of s, until ctx ends. The requests under way
// then have three seconds to end. It returns nil after ctx ended.
func Run(ctx context.Context, s *http.Server, serve func() error) error {
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		late, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer done()
		if s.Shutdown(late) != nil {
			_ = s.Close()
		}
	})()
	err := serve()
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}
