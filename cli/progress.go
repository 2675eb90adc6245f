package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far long work is. It is silent when stderr is no
// terminal, and safe to use from one goroutine at a time.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress starts a progress line on stderr. Close ends it.
func (app *App) newProgress() *progress {
	if !isTerminal(app.env.Stderr) || app.asJSON {
		return &progress{}
	}
	return &progress{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(app.env.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond))}
}

// update shows that done of total things are done, and what goes on now.
func (p *progress) update(done, total int, text string) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(clean(text))
	// A bar that is full counts as finished for good, and the total may grow.
	p.bar.ChangeMax(max(total, done+1))
	_ = p.bar.Set(done)
}

// close takes the progress line away.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
}
