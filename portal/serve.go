package portal

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// How long the server waits.
const (
	headerTime   = 5 * time.Second
	shutdownTime = 3 * time.Second // of the five seconds in which the daemon must stop
	maxHeader    = 16 << 10
)

// Serve answers on l until ctx ends, and closes it. The calls under way are
// then cancelled and have three seconds to end. It gives nil after ctx ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler, logger zerolog.Logger) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          errorLog(logger),
	}
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		late, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer done()
		if s.Shutdown(late) != nil {
			_ = s.Close()
		}
	})()
	err := s.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}
