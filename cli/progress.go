package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows the progress of long work on stderr, if that is a terminal. It is for one
// goroutine at a time.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress starts a progress bar. The caller closes it.
func (app *App) newProgress() *progress {
	if !isTerminal(app.env.Stderr) || app.asJSON {
		return &progress{}
	}
	return &progress{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(app.env.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond))}
}

// update shows that done of total things are done, and what is being done.
func (p *progress) update(done, total int, text string) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(clean(text))
	// A full bar would count as finished, and the total may still grow.
	p.bar.ChangeMax(max(total, done+1))
	_ = p.bar.Set(done)
}

// close removes the progress bar.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
}
