package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

// addOptions are the flags of add.
type addOptions struct {
	dossier, numberDiffers string
	yes                    bool
}

func newAddCommand(app *App) *cobra.Command {
	var o addOptions
	c := &cobra.Command{
		Use:   "add FILE...",
		Short: "Deliver social balances from files",
		Long: `Read social balances from files, or from ZIP archives of them, show whose they
are and what Silverfin holds, and deliver them once that is confirmed.

A client is found by the enterprise number in the file. With --dossier it is the
company in Silverfin of that number, file code or name. Figures of one enterprise
number go into a company with another only when --number-differs gives that
company's name.

With --yes what needs no decision is confirmed without a question. The exit code is
3 when something is left to decide; it is then kept for a day, on the page Upload.`,
		Example: "  balansd add balans.pdf\n  balansd add *.xbrl --yes\n  balansd add balans.csv --dossier 0403.170.701",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				return app.add(cmd.Context(), api, args, o)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.dossier, "dossier", "", "the client: `ref` is the enterprise number, the file code or the name of a company in Silverfin")
	f.StringVar(&o.numberDiffers, "number-differs", "", "`name` of the company, where its enterprise number is not the document's and that is meant")
	f.BoolVar(&o.yes, "yes", false, "confirm what needs no decision, without a question")
	return app.withJSON(c)
}

// add hands in files, shows what would become of them, and delivers what is confirmed.
func (app *App) add(ctx context.Context, api localapi.API, files []string, o addOptions) error {
	u, err := app.upload(ctx, api, files)
	if err != nil {
		return err
	}
	if u, err = api.CheckUpload(ctx, daemon.UploadRequest{ID: u.ID, By: person()}); err != nil {
		return err
	}
	if o.dossier != "" {
		if u, err = app.chooseForAll(ctx, api, u, o); err != nil {
			return err
		}
	}
	if !app.asJSON {
		app.showUpload(u)
	}
	chosen, open := chooseItems(u, app.mayConfirm(u, o))
	var numbers []uint64
	for _, it := range chosen {
		done, err := api.ConfirmUpload(ctx, daemon.UploadConfirmation{ID: u.ID, Item: it.ID, Seen: it.Version, By: person()})
		if err != nil {
			return err
		}
		numbers = append(numbers, done.Entry)
	}
	if len(numbers) > 0 {
		if err := app.deliverAdded(ctx, api, numbers); err != nil && (!problem.Is(err, problem.NeedsPerson) || len(open) == 0) {
			return err
		}
	} else if app.asJSON {
		if err := app.print(u); err != nil {
			return err
		}
	}
	if len(open) > 0 {
		return problem.New(problem.NeedsPerson, strings.Join(open, "; "), nextAfterAdd(u, o))
	}
	return nil
}

// nextAfterAdd says what a person does about what is left open.
func nextAfterAdd(u daemon.Upload, o addOptions) string {
	next := "Decide on the page Upload"
	differs := slices.ContainsFunc(u.Items, func(it daemon.UploadItem) bool {
		return it.Outlook != nil && it.Outlook.Reason == ledger.NumbersDiffer && len(it.Outlook.Candidates) == 0
	})
	switch {
	case differs && o.dossier != "":
		next += ", or run it again with --number-differs and the company's name, if that is meant"
	case !o.yes && o.dossier == "":
		next += ", or run it again with --yes, or with --dossier for the client"
	case !o.yes:
		next += ", or run it again with --yes"
	case o.dossier == "":
		next += ", or run it again with --dossier for the client"
	}
	return next + ". What is not confirmed is removed after a day."
}

// upload hands the files in as one upload.
func (app *App) upload(ctx context.Context, api localapi.API, files []string) (u daemon.Upload, err error) {
	for _, name := range files {
		if u, err = app.uploadFile(ctx, api, u.ID, name); err != nil {
			if u.ID != "" {
				_ = api.DiscardUpload(context.WithoutCancel(ctx), daemon.UploadRequest{ID: u.ID, By: person()})
			}
			return u, err
		}
	}
	return u, nil
}

func (app *App) uploadFile(ctx context.Context, api localapi.API, upload, name string) (daemon.Upload, error) {
	f, err := os.Open(name)
	if err != nil {
		return daemon.Upload{ID: upload}, problem.Wrap(err, problem.NotFound, fmt.Sprintf("the file %s cannot be read", clean(name)), "Check its name, and that you may read it.")
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && (info.IsDir() || info.Size() > daemon.MaxUploadBytes) {
		return daemon.Upload{ID: upload}, problem.New(problem.TooLarge, fmt.Sprintf("%s is a folder, or larger than %d MB", clean(name), daemon.MaxUploadBytes>>20), "Name the files themselves.")
	}
	u, err := api.UploadFile(ctx, daemon.UploadFileRequest{Upload: upload, Name: filepath.Base(name), By: person()}, f)
	u.ID = cmp.Or(u.ID, upload)
	return u, err
}

// chooseForAll gives all documents to the client that --dossier names.
func (app *App) chooseForAll(ctx context.Context, api localapi.API, u daemon.Upload, o addOptions) (daemon.Upload, error) {
	r := daemon.UploadChoice{ID: u.ID, Ref: o.dossier, NumberDiffers: o.numberDiffers, By: person()}
	for _, it := range u.Items {
		if it.State == daemon.UploadRead {
			r.Items = append(r.Items, it.ID)
		}
	}
	if len(r.Items) == 0 {
		return u, nil
	}
	return api.ChooseClient(ctx, r)
}

// mayConfirm reports whether what needs no decision is confirmed: by --yes, or by an
// answer at a terminal.
func (app *App) mayConfirm(u daemon.Upload, o addOptions) bool {
	if o.yes {
		return true
	}
	if app.asJSON || !isTerminal(app.env.Stdin) {
		return false
	}
	chosen, _ := chooseItems(u, true)
	if len(chosen) == 0 {
		return false
	}
	yes, err := app.ask(fmt.Sprintf("Deliver %d of %d?", len(chosen), len(u.Items)))
	return err == nil && yes
}

// chooseItems returns the documents to be confirmed, and a clause for each of the
// others on what is open.
func chooseItems(u daemon.Upload, confirmed bool) (chosen []daemon.UploadItem, open []string) {
	for _, it := range u.Items {
		switch {
		case it.State == daemon.UploadUnusable:
			open = append(open, clean(it.Name)+" cannot be used: "+clean(it.Problem))
		case it.ClientMissing():
			open = append(open, clean(it.Name)+" gives no enterprise number: whose it is must be said")
		case it.Undecided():
			open = append(open, clean(it.Name)+": "+outlookText(it))
		case !confirmed:
			open = append(open, clean(it.Name)+" is not confirmed")
		default:
			chosen = append(chosen, it)
		}
	}
	for _, s := range u.Skipped {
		open = append(open, clean(s.Name)+" is not read: "+clean(s.Why))
	}
	if len(u.Items) == 0 && len(open) == 0 {
		open = append(open, "there is no social balance in what was handed in")
	}
	return chosen, open
}

// outlookText says what would become of a document.
func outlookText(it daemon.UploadItem) string {
	if it.State == daemon.UploadUnusable {
		return clean(it.Problem)
	}
	if it.Outlook == nil {
		return "not compared with Silverfin yet"
	}
	o := it.Outlook
	text := map[daemon.OutlookKind]string{
		daemon.OutlookEqual: "Silverfin has these figures already", daemon.OutlookEmpty: fmt.Sprintf("%d figures to write", o.Writes),
		daemon.OutlookOurs:    "replaces figures that balansd wrote",
		daemon.OutlookDiffers: fmt.Sprintf("differs from Silverfin in %d figures, to be decided once it is confirmed", len(o.Differences)),
		daemon.OutlookOlder:   fmt.Sprintf("entry %d counts before it", o.Entry), daemon.OutlookKnown: fmt.Sprintf("is entry %d already", o.Entry),
		daemon.OutlookUnknown: "Silverfin could not be asked", daemon.OutlookWaits: "will wait",
	}[o.Kind]
	if o.Detail != "" {
		text += ": " + clean(o.Detail)
	}
	if len(it.Balance.Doubts) > 0 {
		text += fmt.Sprintf("; %d figures can be read in two ways", len(it.Balance.Doubts))
	}
	return text
}

// showUpload shows what was handed in.
func (app *App) showUpload(u daemon.Upload) {
	t := newTable("file", "client", "number", "year end", "model", "figures", "findings", "in Silverfin")
	for _, it := range u.Items {
		b := it.Balance
		if b == nil {
			t.add(it.Name, "", "", "", "", "", "", outlookText(it))
			continue
		}
		client := b.Name
		if it.Outlook != nil && it.Outlook.Company != nil {
			client = it.Outlook.Company.Name
		}
		t.add(it.Name, client, b.EnterpriseNumber.Pretty(), b.FiscalYear.End.String(), string(b.Model), fmt.Sprint(len(b.Values)), fmt.Sprint(len(b.Findings)), outlookText(it))
	}
	app.show(t)
	if len(u.Others) > 0 {
		app.printf("No social balances: %s.\n", clean(strings.Join(u.Others, ", ")))
	}
}

// deliverAdded runs a sync over what was confirmed, and shows what became of it.
func (app *App) deliverAdded(ctx context.Context, api localapi.API, numbers []uint64) error {
	bar := app.newProgress()
	var said []outcome
	run, err := api.Sync(ctx, daemon.SyncRequest{Entries: numbers, Wait: true, By: person()}, func(p daemon.Progress) {
		bar.update(p.Done, p.Total, progressText(p.Text, p.Pace))
		if p.Entry != nil {
			said = append(said, outcome{*p.Entry, p.Would})
		}
	})
	bar.close()
	return app.showRun(run, said, err)
}
