package cli

import (
	"fmt"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newSyncStopCommand(app *App) *cobra.Command {
	var r daemon.StopRequest
	c := &cobra.Command{
		Use:   "stop",
		Short: "Stop a run that is under way",
		Long: `Stop the run that is under way, or with --run one of several. What it has
delivered stays delivered; the next run goes on with the rest. The history of runs
says who stopped it.`,
		Example: "  balansd sync stop\n  balansd sync stop --run 12",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.By = person()
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				stopped, err := api.StopSync(cmd.Context(), r)
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(stopped)
				}
				for _, one := range stopped.Runs {
					app.printf("%s is being stopped; what it has done stays done\n", runName(one.Number))
				}
				return nil
			})
		},
	}
	c.Flags().Uint64Var(&r.Run, "run", 0, "only the run with this `number`; balansd status shows it")
	return app.withJSON(c)
}

// runName names a run. A dry run has no number.
func runName(number uint64) string {
	if number == 0 {
		return "the dry run"
	}
	return fmt.Sprintf("run %d", number)
}

// progressText says what a run does, how fast, and how long the rest takes.
func progressText(text string, p daemon.Pace) string {
	var parts []string
	if text != "" {
		parts = append(parts, text)
	}
	if p.PerMinute > 0 {
		parts = append(parts, fmt.Sprintf("%.0f a minute", p.PerMinute))
	}
	if p.LeftSeconds > 0 {
		parts = append(parts, "about "+durationText(time.Duration(p.LeftSeconds)*time.Second)+" left")
	}
	if p.Limit != nil {
		parts = append(parts, limitText(*p.Limit))
	}
	return strings.Join(parts, ", ")
}

// limitText names the rate limit that a run waits for.
func limitText(l daemon.RateLimit) string {
	if !l.RestUntil.IsZero() {
		return fmt.Sprintf("Silverfin firm %s asked for a rest until %s", l.Firm, l.RestUntil.Local().Format("15:04:05"))
	}
	return fmt.Sprintf("waits for %s: %g (%s)", l.Setting, l.PerSecond, l.Firm)
}

// durationText returns a duration in whole minutes, or seconds when it is short.
func durationText(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int((d + 30*time.Second).Minutes()))
}
