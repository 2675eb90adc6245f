package cli

import (
	"fmt"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newStatusCommand(app *App) *cobra.Command {
	return app.withFailOn(app.withJSON(&cobra.Command{
		Use:   "status",
		Short: "Tell how everything stands",
		Long: `Tell whether the daemon runs, when it wakes, what the last night did, how the
connections and firms stand, and what needs a person.

The exit code is 3 when something needs a person: a balance, a connection or a
firm, a wrong clock, a damaged state, a data key that is missing, or trouble in
the last run, such as a full disk.`,
		Example: "  balansd status",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			empty := func(cfg *config.Config) any {
				return statusReport{Status: daemon.Status{Version: app.version(), StateFile: cfg.StateFile,
					Connections: []ledger.Connection{}, Firms: []ledger.Firm{}, Counts: map[ledger.State]int{}, Waiting: []ledger.Entry{}, Conditions: []ledger.Condition{}}}
			}
			return app.withExistingState(cmd.Context(), empty, func(api localapi.API, cfg *config.Config) error {
				s, err := api.Status(cmd.Context())
				if err != nil {
					return err
				}
				a := attentionOf(s)
				if app.asJSON {
					err = app.print(statusReport{s, a})
				} else {
					app.statusText(s, cfg.TimeZone)
				}
				if err == nil {
					err = app.attentionError(a)
				}
				return err
			})
		},
	}))
}

// statusReport is the status as JSON.
type statusReport struct {
	daemon.Status
	Attention attention `json:"attention"`
}

// maxMissedNights is how many missed nights are printed; balansd status --json has
// more.
const maxMissedNights = 3

// nightNotes returns what concerns the nightly schedule: a wrong clock, a retry, what ends
// or fills up on the server, and why nights were missed.
func nightNotes(s daemon.Status, zone *time.Location) []string {
	var notes []string
	if s.Clock != "" {
		notes = append(notes, s.Clock)
	}
	if s.Pages.Down() {
		notes = append(notes, "web pages "+s.Pages.Text(zone))
	}
	if !s.Again.IsZero() {
		notes = append(notes, "the last night did not reach its services; it is tried again at "+s.Again.In(zone).Format("2006-01-02 15:04"))
	}
	for _, c := range s.Conditions {
		switch c.Kind {
		case ledger.CertificateEnds, ledger.CertificateEnded:
			notes = append(notes, "certificate "+c.Name+": "+c.Detail)
		case ledger.DiskLow, ledger.BackupMissing:
			notes = append(notes, c.Detail)
		}
	}
	for _, m := range s.Missed[:min(maxMissedNights, len(s.Missed))] {
		notes = append(notes, fmt.Sprintf("missed night, %s: %s", m.Night, m.Why))
	}
	return notes
}

// underwayText says how far a run is.
func underwayText(r daemon.RunUnderway) string {
	text := "it begins"
	if r.Total > 0 {
		text = fmt.Sprintf("%d of %d done", r.Done, r.Total)
	}
	for _, state := range ledger.States() {
		if n := r.Run.Outcome[state]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, state)
		}
	}
	if pace := progressText(r.Text, r.Pace); pace != "" {
		text += "; " + pace
	}
	return text
}

func (app *App) statusText(s daemon.Status, zone *time.Location) {
	when := func(t time.Time) string { return t.In(zone).Format("Mon 2 Jan 2006 15:04") }
	if s.Running {
		app.printf("balansd %s runs since %s, next night %s\n", s.Version, when(s.Since), when(s.NextWake))
	} else {
		app.printf("balansd %s does not run as a daemon now; start it with: balansd run\n", s.Version)
	}
	app.printf("state: %s\n", s.StateFile)
	for _, p := range s.State {
		app.printf("%s %s\n→ %s\n", app.styled(app.env.Stdout, red, "WRONG:"), clean(p.What), clean(p.Next))
	}
	for _, r := range s.Runs {
		app.printf("a run is under way since %s (%s): %s\n", when(r.Run.Start), runName(r.Run.Number), clean(underwayText(r)))
	}
	if p := s.LastNight; p != nil {
		app.printf("last night, %s: %s\n", p.Night, runSummary(*p))
		app.showProblems(*p)
	}
	if p := s.LastRun; p != nil && (s.LastNight == nil || p.Number != s.LastNight.Number) {
		app.printf("last run, %s: %s\n", when(p.Start), runSummary(*p))
		app.showProblems(*p)
	}
	for _, line := range nightNotes(s, zone) {
		app.printf("%s\n", clean(line))
	}
	for _, u := range s.Unsent {
		app.printf("%s %s, since %s: %s\n", app.styled(app.env.Stdout, red, "NOT SENT:"), clean(u.Channel), when(u.Since), clean(u.Problem))
	}
	app.connectionsText(s.Connections, s.Firms, zone)
	var counts []string
	for _, state := range ledger.States() {
		if n := s.Counts[state]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(counts) == 0 {
		counts = []string{"empty"}
	}
	app.printf("\nledger: %s\n", strings.Join(counts, ", "))
	if len(s.Waiting) == 0 {
		return
	}
	app.printf("\n")
	outcomes := make([]outcome, len(s.Waiting))
	for i, e := range s.Waiting {
		outcomes[i].Entry = e
	}
	app.showOutcomes(outcomes, false)
}
