package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"balansd/internal/keyedlock"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// renewAfter is the age at which the tokens of a firm are renewed even when
// nothing was sent. Silverfin's refresh tokens live 60 days.
const renewAfter = 14 * 24 * time.Hour

// pass is one walk under way. Its methods are safe for concurrent use once
// discover is over.
type pass struct {
	d    *Daemon
	cfg  Config // the daemon's, with decorated keeper and destinations in a dry run
	req  SyncRequest
	rec  ledger.Run
	log  zerolog.Logger
	tell func(Progress)

	connections map[string]ledger.Connection
	links       map[string]ledger.DossierLink // by connection and dossier id
	index       *companyIndex
	outages     outages
	answers     firmAnswers
	dossiers    keyedlock.Lock[string]

	mu    sync.Mutex
	done  int
	total int
	noted map[string]bool
	tried map[uint64]bool // entries that became unavailable in this pass
	// What could not be listed or worked in, and the part of it that was out of
	// reach; what only failed for a dossier, by service.
	missing, down map[string]bool
	suspects      map[string]suspect
	relinked      int // how many links had changed when they were last read
}

// Sync runs a pass that a person asked for.
func (d *Daemon) Sync(ctx context.Context, r SyncRequest, report func(Progress)) (ledger.Run, error) {
	return d.pass(ctx, ledger.Run{Trigger: ledger.ByHand, By: r.By, DryRun: r.DryRun}, r, report)
}

// pass runs one pass, begun and ended in the state. It gives the pass as it
// ended; the error says why it could not begin, or could not go on.
func (d *Daemon) pass(ctx context.Context, rec ledger.Run, req SyncRequest, report func(Progress)) (ledger.Run, error) {
	if !d.passing.TryLock() {
		return ledger.Run{}, busy()
	}
	defer d.passing.Unlock()

	cfg := d.config()
	if err := d.linked(ctx, req.FirmID); err != nil {
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
	rec.Start = cfg.Now()
	rec, err := cfg.Store.BeginRun(ctx, rec)
	if err != nil {
		return rec, err
	}
	p := &pass{d: d, cfg: cfg, req: req, rec: rec, tell: report,
		log: cfg.Log.With().Uint64("pass", rec.Number).Str("trigger", string(rec.Trigger)).Logger()}
	p.cfg.Destination = p.answers.watch(cfg.Destination)
	p.rec.Outcome, p.noted, p.tried = map[ledger.State]int{}, map[string]bool{}, map[uint64]bool{}
	p.missing, p.down, p.suspects = map[string]bool{}, map[string]bool{}, map[string]suspect{}
	d.show(&rec)
	defer d.show(nil)
	if rec.Missed != "" {
		p.d.notice(p.log.Warn(), problem.NightMissed).Stringer("night", rec.Night).Str("why", rec.Missed).
			Msg("the night was missed, catching up")
	}
	p.log.Info().Bool("dry_run", req.DryRun).Msg("pass begins")

	if cfg.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cfg.Deadline,
			fmt.Errorf("it took longer than %s", cfg.Deadline))
		defer cancel()
	}
	d.takeRelinked() // before the links are read
	err = p.walk(ctx)
	if anew := d.matchAnew(context.WithoutCancel(ctx), d.takeRelinked()); err == nil {
		err = anew
	}
	return p.end(ctx, err)
}

// busy says that only one pass runs at a time.
func busy() error {
	return problem.New(problem.Busy, "another pass is under way", "Wait until it is over; balansd status shows how far it is.")
}

// linked refuses a request for a firm that is not linked.
func (d *Daemon) linked(ctx context.Context, firmID int64) error {
	if firmID == 0 {
		return nil
	}
	firms, err := d.config().Store.Firms(ctx)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(firms))
	for _, f := range firms {
		if f.ID == firmID {
			return nil
		}
		names = append(names, fmt.Sprintf("%d (%s)", f.ID, f.Name))
	}
	return problem.New(problem.NotFound, fmt.Sprintf("Silverfin firm %d is not linked", firmID),
		"Linked are: "+strings.Join(append(names, "no others"), ", ")+".")
}

// walk is the pass itself: renew, discover, deliver. The nightly one makes a
// copy of the state before, and takes away what is old afterwards.
func (p *pass) walk(ctx context.Context) error {
	if err := p.backup(ctx); err != nil {
		return err
	}
	if err := p.checkState(ctx); err != nil {
		return err
	}
	if err := p.renew(ctx); err != nil {
		return err
	}
	if err := p.discover(ctx); err != nil {
		return err
	}
	if err := p.deliverAll(ctx); err != nil {
		return err
	}
	p.judge(ctx)
	return p.prune(ctx)
}

// backup makes a copy of the state. Without one the night goes on: what waits
// for delivery is worth more than one copy out of many; but people hear of it.
func (p *pass) backup(ctx context.Context) error {
	if p.rec.Night.IsZero() || !p.cfg.Backup {
		return nil
	}
	p.progress("making a copy of the state")
	var b ledger.Backup
	err := p.cfg.Store.BackupsThere(ctx)
	if err == nil {
		b, err = p.cfg.Store.Backup(ctx)
		p.d.sawState(err)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		p.trouble(err, ledger.TroubleBackup)
		p.d.notice(p.log.Error(), problem.BackupFailed).Err(err).Str("code", string(problem.Of(err).Code)).Msg("no backup could be made")
	default:
		p.d.notice(p.log.Info(), problem.BackupMade).Str("file", b.File).Int64("bytes", b.Size).Msg("backup made")
	}
	return nil
}

// prune takes away what the retention does not keep. A clock that no service
// confirmed takes nothing away: one that is ahead would take everything.
func (p *pass) prune(ctx context.Context) error {
	if p.rec.Night.IsZero() || p.cfg.Retention == (ledger.Retention{}) {
		return nil
	}
	if !p.d.clockConfirmed() {
		p.log.Info().Msg("no service confirmed the clock of this server, so nothing old is taken away")
		return nil
	}
	gone, err := p.cfg.Store.Prune(ctx, p.cfg.Retention, p.cfg.Now())
	if gone != (ledger.Pruned{}) {
		p.log.Info().Int("documents", gone.Documents).Int("figures", gone.Figures).Int("stories", gone.Stories).
			Msg("old documents, figures and stories were taken away")
	}
	return err
}

// end records how the pass ended. It does so even when ctx has ended.
func (p *pass) end(ctx context.Context, err error) (ledger.Run, error) {
	switch {
	case ctx.Err() != nil:
		p.rec.Stopped = "it was stopped; the next pass goes on where it was"
		cause := context.Cause(ctx)
		if !errors.Is(cause, context.Canceled) {
			p.rec.Stopped = cause.Error() + "; the next pass goes on where it was"
		}
		if !isState(err) {
			p.rec.Halted = errors.Is(cause, context.Canceled)
			err = problem.New(problem.Stopped, "the pass was stopped before it was through",
				"Nothing is lost; the next pass goes on where it was.")
		}
	case err != nil:
		p.rec.Stopped = problem.Of(err).What
	}
	if saveErr := p.saveFirmProblems(context.WithoutCancel(ctx)); saveErr != nil && err == nil {
		err = saveErr
	}
	p.rec.End = p.cfg.Now()
	p.rec.Missing, p.rec.Down = slices.Sorted(maps.Keys(p.missing)), slices.Sorted(maps.Keys(p.down))
	if saveErr := p.cfg.Store.EndRun(context.WithoutCancel(ctx), p.rec); saveErr != nil && err == nil {
		err = saveErr
	}
	e, notice := p.log.Info(), problem.NightDone
	if err != nil || len(p.rec.Problems) > 0 {
		e, notice = p.log.Warn().Strs("problems", p.rec.Problems), problem.NightTrouble
		if err != nil {
			e = e.Err(err).Str("code", string(problem.Of(err).Code))
		}
	}
	if !p.rec.Night.IsZero() {
		e = p.d.notice(e, notice).Stringer("night", p.rec.Night)
	}
	for s, n := range p.rec.Outcome {
		e = e.Int(string(s), n)
	}
	e.Int("new", p.rec.New).Dur("took_ms", p.rec.End.Sub(p.rec.Start)).Msg("pass ends")
	return p.rec, err
}

// aboutFirm begins what a sentence about a firm is about.
const aboutFirm = "Silverfin firm "

// note keeps a sentence with the pass, once, and what has it told in other
// languages.
func (p *pass) note(text string, troubles ...ledger.Trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.noted[text] || len(p.noted) > maxProblems:
		return
	case len(p.noted) == maxProblems:
		p.rec.Problems = append(p.rec.Problems, "There is more; the log of this pass has all of it.")
	default:
		p.rec.Problems = append(p.rec.Problems, text)
		p.rec.Troubles = append(p.rec.Troubles, troubles...)
	}
	p.noted[text] = true
}

// maxProblems bounds what is kept with a pass besides its entries.
const maxProblems = 100

// progress tells what goes on.
func (p *pass) progress(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tell(Progress{Done: p.done, Total: p.total, Text: text})
}

// finished counts an entry and tells how it ended.
func (p *pass) finished(e ledger.Entry, would string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.total = max(p.total, p.done)
	p.rec.Outcome[e.State]++
	if e.CountFindings() > 0 && e.State != ledger.Superseded {
		p.rec.Findings++
	}
	p.tell(Progress{Done: p.done, Total: p.total, Entry: &e, Would: would})
}

// renew keeps the tokens of all firms alive.
func (p *pass) renew(ctx context.Context) error {
	firms, err := p.cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	if p.req.DryRun || p.rec.Trigger == ledger.ByHand {
		return nil
	}
	for _, f := range firms {
		if f.Relink != "" {
			p.firmMissed(f, fmt.Sprintf("%s. Link it again: balansd connect silverfin --firm %d.", f.Relink, f.ID))
			continue
		}
		renewed, err := p.cfg.Linker.Renew(ctx, f.ID, renewAfter)
		if err != nil || renewed {
			p.answers.saw(f.ID, err)
		}
		switch {
		case problem.Is(err, problem.NeedsRelink):
			if err := p.mustRelink(ctx, f, err); err != nil {
				return err
			}
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			p.outOfReach(err, aboutFirm+f.Name)
		case renewed:
			if err := p.cfg.Store.UpdateFirm(ctx, f.ID, func(f *ledger.Firm) { f.RenewedAt = p.cfg.Now() }); err != nil {
				return err
			}
		}
	}
	return nil
}

// mustRelink marks a firm that refused its tokens, unless it was linked again
// since it was seen.
func (p *pass) mustRelink(ctx context.Context, seen ledger.Firm, cause error) error {
	marked := false
	err := p.cfg.Store.UpdateFirm(ctx, seen.ID, func(f *ledger.Firm) {
		if marked = f.LinkedAt.Equal(seen.LinkedAt); marked {
			f.Relink = problem.Of(cause).What
		}
	})
	if err == nil && marked {
		p.outOfReach(cause, aboutFirm+seen.Name)
	}
	return err
}

// show makes the pass under way visible to Status.
func (d *Daemon) show(p *ledger.Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = p
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
