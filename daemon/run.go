package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"balansd/internal/keyedlock"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// renewAfter is the age at which the tokens of a firm are renewed even when
// nothing was sent. Silverfin's refresh tokens live 60 days.
const renewAfter = 14 * 24 * time.Hour

// run is one run under way. Its methods are safe for concurrent use once
// discover is over.
type run struct {
	daemon *Daemon
	cfg    Config // the daemon's, with decorated store and destinations in a dry run
	req    SyncRequest
	record ledger.Run
	log    zerolog.Logger
	report func(Progress)

	connections map[string]ledger.Connection
	links       map[string]ledger.DossierLink // by connection and dossier id
	outages     outages
	answers     firmAnswers
	listing     atomic.Bool             // it lists the sources now
	begun       ledger.Run              // as it began
	stop        context.CancelCauseFunc // ends it early

	indexMu sync.Mutex // held while the companies are read
	index   *companyIndex

	handlesMu sync.Mutex // held while the templates of a firm are listed
	handles   map[int64]firmHandles

	mu       sync.Mutex
	meter    meter
	done     int
	total    int
	reported map[string]bool
	tried    map[uint64]bool // entries that became unavailable in this run
	// What could not be listed or worked in, and the part of it that was out of
	// reach; what only failed for a dossier, by service.
	missing, down    map[string]bool
	possibleOutages  map[string]possibleOutage
	relinked         []ledger.DossierLink   // that changed since it began
	documentFailures map[int64]int          // in a row, by firm
	following        keyedlock.Lock[string] // held while the links are read again
	followed         int                    // how many of them had when the links were last read
}

// Sync carries out a run that a person asked for.
func (d *Daemon) Sync(ctx context.Context, r SyncRequest, report func(Progress)) (ledger.Run, error) {
	run, err := d.run(ctx, ledger.Run{Trigger: ledger.ByHand, By: r.By, DryRun: r.DryRun}, r, report)
	if !r.DryRun && !r.chosen() && run.Number != 0 {
		d.report(context.WithoutCancel(ctx))
	}
	return run, err
}

// run carries out one run, which is begun and ended in the state. It returns the
// run as it ended; the error says why it could not begin, or could not go on.
func (d *Daemon) run(ctx context.Context, record ledger.Run, req SyncRequest, report func(Progress)) (ledger.Run, error) {
	if err := checkDossier(ctx, d.config().Store, req); err != nil {
		return ledger.Run{}, err
	}
	release, err := d.runs.admit(ctx, req.chosen(), req.Wait)
	if err != nil {
		return ledger.Run{}, err
	}
	defer release()

	cfg := d.config()
	if err := d.requireFirm(ctx, req.FirmID); err != nil {
		return ledger.Run{}, err
	}
	if report == nil {
		report = func(Progress) {}
	}
	if req.DryRun {
		report(Progress{Text: "making a scratch copy of the state"})
		dry, discard, err := dryRun(ctx, cfg)
		if err != nil {
			return ledger.Run{}, err
		}
		defer discard()
		cfg = dry
	}
	record.Start, record.Chosen = cfg.Now(), req.chosen()
	if record, err = cfg.Store.BeginRun(ctx, record); err != nil {
		return record, err
	}
	r := d.newRun(cfg, req, record, report)
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	defer d.runs.add(r)() // before the links are read
	if record.Missed != "" {
		r.daemon.notice(r.log.Warn(), problem.NightMissed).Stringer("night", record.Night).Str("why", record.Missed).
			Msg("the night was missed, catching up")
	}
	r.log.Info().Bool("dry_run", req.DryRun).Msg("run begins")

	if cfg.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cfg.Deadline,
			fmt.Errorf("it took longer than %s", cfg.Deadline))
		defer cancel()
	}
	err = r.walk(ctx)
	if rematchErr := d.rematch(context.WithoutCancel(ctx), r.drainRelinked()); err == nil {
		err = rematchErr
	}
	return r.end(ctx, err)
}

// newRun returns a run that was begun.
func (d *Daemon) newRun(cfg Config, req SyncRequest, record ledger.Run, report func(Progress)) *run {
	r := &run{daemon: d, cfg: cfg, req: req, record: record, begun: record, report: report,
		log: cfg.Log.With().Uint64("run", record.Number).Str("trigger", string(record.Trigger)).Logger()}
	r.cfg.Destination = r.answers.observed(cfg.Destination)
	r.record.Outcome, r.reported, r.tried = map[ledger.State]int{}, map[string]bool{}, map[uint64]bool{}
	r.missing, r.down, r.possibleOutages = map[string]bool{}, map[string]bool{}, map[string]possibleOutage{}
	return r
}

// chosen reports whether the request is for dossiers or entries that a person chose.
func (r SyncRequest) chosen() bool { return r.Dossier != "" || len(r.Entries) > 0 }

func (r *run) chosen() bool { return r.req.chosen() }

// requireFirm refuses a request for a firm that is not linked.
func (d *Daemon) requireFirm(ctx context.Context, firmID int64) error {
	if firmID == 0 {
		return nil
	}
	_, err := firmOf(ctx, d.config().Store, firmID)
	return err
}

// walk carries out the run: renew tokens, discover, deliver. A nightly run makes a
// backup before, and prunes old data afterwards.
func (r *run) walk(ctx context.Context) error {
	if err := r.backup(ctx); err != nil {
		return err
	}
	if err := r.checkState(ctx); err != nil {
		return err
	}
	if err := r.renew(ctx); err != nil {
		return err
	}
	if err := r.daemon.putBackTrials(ctx, r.cfg); err != nil {
		if isState(err) || ctx.Err() != nil {
			return err
		}
		r.addProblem(problem.Of(err).What + ". " + problem.Of(err).Next)
	}
	if err := r.discover(ctx); err != nil {
		return err
	}
	if err := r.findArchived(ctx); err != nil {
		return err
	}
	if err := r.deliverAll(ctx); err != nil {
		return err
	}
	r.settleOutages(ctx)
	if err := r.storePending(ctx); err != nil {
		return err
	}
	if err := r.keepAppLinks(ctx); err != nil {
		return err
	}
	if err := r.lookForUse(ctx); err != nil {
		return err
	}
	if err := r.runAdministration(ctx); err != nil {
		return err
	}
	return r.prune(ctx)
}

// backup makes a copy of the state. If that fails, the problem is reported and the
// run continues, because deliveries matter more than one copy of many.
func (r *run) backup(ctx context.Context) error {
	if r.record.Night.IsZero() || !r.cfg.Backup {
		return nil
	}
	r.progress("making a copy of the state")
	var b ledger.Backup
	err := r.cfg.Store.CheckBackups(ctx)
	if err == nil {
		b, err = r.cfg.Store.Backup(ctx)
		r.daemon.observeState(err)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r.reportProblem(err, ledger.AboutBackup)
		r.daemon.notice(r.log.Error(), problem.BackupFailed).Err(err).Str("code", string(problem.Of(err).Code)).Msg("no backup could be made")
	default:
		r.daemon.notice(r.log.Info(), problem.BackupMade).Str("file", b.File).Int64("bytes", b.Size).Msg("backup made")
	}
	return nil
}

// prune deletes what is older than the retention. It does nothing unless a service
// confirmed the clock: with a clock that is ahead it would delete everything.
func (r *run) prune(ctx context.Context) error {
	if r.record.Night.IsZero() || r.cfg.Retention == (ledger.Retention{}) {
		return nil
	}
	if !r.daemon.clockConfirmed() {
		r.log.Info().Msg("no service confirmed the clock of this server, so nothing old is deleted")
		return nil
	}
	gone, err := r.cfg.Store.Prune(ctx, r.cfg.Retention, r.cfg.Now())
	if gone != (ledger.Pruned{}) {
		r.log.Info().Int("documents", gone.Documents).Int("figures", gone.Figures).Int("stories", gone.Histories).
			Msg("old documents, figures and histories were deleted")
	}
	return err
}

// end records how the run ended. It does so even when ctx has ended.
func (r *run) end(ctx context.Context, err error) (ledger.Run, error) {
	switch {
	case ctx.Err() != nil:
		err = r.recordStop(context.Cause(ctx), err)
	case err != nil:
		r.record.Stopped = problem.Of(err).What
	}
	if saveErr := r.saveFirmProblems(context.WithoutCancel(ctx)); saveErr != nil && err == nil {
		err = saveErr
	}
	r.record.End = r.cfg.Now()
	r.record.Missing, r.record.Down = slices.Sorted(maps.Keys(r.missing)), slices.Sorted(maps.Keys(r.down))
	if saveErr := r.cfg.Store.EndRun(context.WithoutCancel(ctx), r.record); saveErr != nil && err == nil {
		err = saveErr
	}
	e, notice := r.log.Info(), problem.NightDone
	if err != nil && r.record.StoppedBy == "" || len(r.record.Problems) > 0 {
		e, notice = r.log.Warn().Strs("problems", r.record.Problems), problem.NightNeedsPerson
		if err != nil {
			e = e.Err(err).Str("code", string(problem.Of(err).Code))
		}
	}
	if !r.record.Night.IsZero() {
		e = r.daemon.notice(e, notice).Stringer("night", r.record.Night)
	}
	for s, n := range r.record.Outcome {
		e = e.Int(string(s), n)
	}
	e.Int("new", r.record.New).Dur("took_ms", r.record.End.Sub(r.record.Start)).Msg("run ends")
	return r.record, err
}

// recordStop records why the run ended early, and returns the problem that says so. An
// error of the state stays.
func (r *run) recordStop(cause, err error) error {
	what, why, halted := "the run was stopped before it was through", "it was stopped", errors.Is(cause, context.Canceled)
	person, byPerson := errors.AsType[*stoppedByError](cause)
	switch {
	case byPerson:
		what, why, halted = name(person.by)+" stopped the run before it was through", person.Error(), true
		r.record.StoppedBy = person.by
	case !halted:
		why = cause.Error()
	}
	r.record.Stopped = why + "; the next run goes on where it was"
	if isState(err) {
		return err
	}
	r.record.Halted = halted
	return problem.New(problem.Stopped, what, "What is done stays done, and nothing is lost; the next run goes on where it was.")
}

// aboutFirm begins what a sentence about a firm is about.
const aboutFirm = "Silverfin firm "

// addProblem adds a sentence to the run, once, with the codes from which pages
// translate it.
func (r *run) addProblem(text string, codes ...ledger.ProblemCode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.reported[text] || len(r.reported) > maxProblems:
		return
	case len(r.reported) == maxProblems:
		r.record.Problems = append(r.record.Problems, "There is more; the log of this run has all of it.")
	default:
		r.record.Problems = append(r.record.Problems, text)
		r.record.ProblemCodes = append(r.record.ProblemCodes, codes...)
	}
	r.reported[text] = true
}

// maxProblems bounds what is kept with a run besides its entries.
const maxProblems = 100

// renew renews the tokens of all firms that are about to expire.
func (r *run) renew(ctx context.Context) error {
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	if r.req.DryRun || r.record.Trigger == ledger.ByHand {
		return nil
	}
	for _, f := range firms {
		if f.Relink != "" {
			r.reportRelink(f, fmt.Sprintf("%s. Link it again: balansd connect silverfin --firm %d.", f.Relink, f.ID))
			continue
		}
		renewed, err := r.cfg.Linker.Renew(ctx, f.ID, renewAfter)
		if err != nil || renewed {
			r.answers.observe(f.ID, err)
		}
		switch {
		case problem.Is(err, problem.NeedsRelink):
			if err := r.mustRelink(ctx, f, err); err != nil {
				return err
			}
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			r.reportUnreachable(err, aboutFirm+f.Name)
		case renewed:
			if err := r.cfg.Store.UpdateFirm(ctx, f.ID, func(f *ledger.Firm) { f.RenewedAt = r.cfg.Now() }); err != nil {
				return err
			}
		}
	}
	return nil
}

// mustRelink marks a firm that refused its tokens, unless it was linked again
// since it was seen.
func (r *run) mustRelink(ctx context.Context, seen ledger.Firm, cause error) error {
	marked := false
	err := r.cfg.Store.UpdateFirm(ctx, seen.ID, func(f *ledger.Firm) {
		if marked = f.LinkedAt.Equal(seen.LinkedAt); marked {
			f.Relink = problem.Of(cause).What
		}
	})
	if err == nil && marked {
		r.reportUnreachable(cause, aboutFirm+seen.Name)
	}
	return err
}

// dossierName names a dossier as people know it.
func dossierName(l ledger.Listing) string {
	parts := make([]string, 0, 2)
	if l.Dossier.Name != "" {
		parts = append(parts, l.Dossier.Name)
	}
	switch {
	case l.Dossier.EnterpriseNumber != "":
		parts = append(parts, l.Dossier.EnterpriseNumber.Pretty())
	case l.Dossier.AffiliationNumber != "":
		parts = append(parts, l.Dossier.AffiliationNumber)
	case l.Dossier.Name == "":
		parts = append(parts, l.Dossier.ID)
	}
	return strings.Join(parts, ", ")
}
