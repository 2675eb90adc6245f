package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/portal"
	"balansd/problem"
	"balansd/support"

	"github.com/spf13/cobra"
)

func newSupportBundleCommand(app *App) *cobra.Command {
	var q supportRequest
	c := &cobra.Command{
		Use: "support-bundle FILE.zip", Short: "Put what support needs to know into one file",
		Long: `Put into FILE.zip what whoever helps you needs to know: the version and platform,
the settings, the status, the last runs, the log of the last days, what doctor
finds, and the metrics. What is in it is listed first, and nothing is sent.

No secret and no figure of a social balance is in it. Clients are named by the
number of a balance, as balansd ledger list shows it; folders, firms and people by
a number. Texts that may hold another name are left out. With --with-names the names
are in it; secrets and figures are not.`,
		Example: "  balansd support-bundle balansd-support.zip\n  balansd support-bundle balansd-support.zip --days 14 --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.days < 1 || q.days > maxSupportDays {
				return usage(fmt.Errorf("--days is from 1 to %d", maxSupportDays))
			}
			q.file = args[0]
			return app.supportBundle(cmd.Context(), q)
		},
	}
	c.Flags().BoolVar(&q.withNames, "with-names", false, "leave the names of clients, folders and people in it")
	c.Flags().IntVar(&q.days, "days", 7, "how many `days` of the log are in it")
	c.Flags().BoolVar(&q.yes, "yes", false, "do not ask")
	return c
}

// maxSupportDays bounds the days of the log.
const maxSupportDays = 60

type supportRequest struct {
	file           string
	days           int
	withNames, yes bool
}

// supportPart is a file of the bundle.
type supportPart struct {
	name, what string
	content    []byte
}

func (app *App) supportBundle(ctx context.Context, q supportRequest) error {
	if _, err := os.Lstat(q.file); err == nil {
		return fileExists(q.file)
	}
	if !q.yes && !isTerminal(app.env.Stdin) {
		_, err := app.confirm("")
		return err
	}
	parts := app.supportParts(ctx, q)
	t := newTable("file", "size", "what is in it").alignRight(1)
	for _, p := range parts {
		t.add(p.name, sizeText(int64(len(p.content))), p.what)
	}
	app.show(t)
	if !q.yes {
		if ok, err := app.ask("Write these to " + q.file + "?"); err != nil || !ok {
			return app.unconfirmed(errors.Join(err, errNotConfirmed))
		}
	}
	if err := writeZIP(q.file, parts); err != nil {
		return notWritten(q.file, err)
	}
	app.printf("Written: %s. It stays on this server until you send it; look into it before you do.\n", q.file)
	return nil
}

// writeZIP writes a new file that only its owner can read.
func writeZIP(path string, parts []supportPart) error {
	var text bytes.Buffer
	z := zip.NewWriter(&text)
	for _, p := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: time.Now()})
		if err == nil {
			_, err = w.Write(p.content)
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, ignoreNotExist(os.Remove(path)))
	}
	return err
}

// supportParts gathers the files. What cannot be gathered says why in its place: a bundle
// is wanted where something is wrong.
func (app *App) supportParts(ctx context.Context, q supportRequest) []supportPart {
	g := &gathering{app: app, ctx: ctx, redactor: support.NewRedactor(q.withNames)}
	g.json("version.json", "version and platform", app.versionAndPlatform())
	cfg, err := app.config()
	if err != nil {
		g.json("settings.json", "the mistakes in the configuration, by their place", mistakePlaces(err))
		return g.parts
	}
	g.addSecrets(cfg)
	g.addConfiguredNames(cfg)
	// Names first: each part needs them.
	var status daemon.Status
	var history daemon.History
	var metrics []byte
	apiErr := app.useAPI(ctx, cfg, true, func(api localapi.API, _ *config.Config) (err error) {
		if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err = g.addNames(api); err != nil {
			return err
		}
		if status, err = api.Status(ctx); err == nil {
			history, err = api.History(ctx, daemon.HistoryQuery{Limit: supportRuns})
		}
		if err == nil {
			metrics, err = app.metricsText(ctx, api, cfg)
		}
		return err
	})
	g.json("settings.json", "the settings in force, those that can hold a name or an address left out", g.settings(cfg))
	g.orError("status.json", "what balansd status says", status, apiErr)
	g.orError("runs.json", fmt.Sprintf("the last %d runs", supportRuns), history, apiErr)
	g.json("doctor.json", "what balansd doctor finds", g.doctor(cfg))
	g.add("metrics.txt", "the metrics", []byte(g.redactor.Metrics(string(metrics))))
	g.log(cfg, time.Now().AddDate(0, 0, -q.days), q.days)
	return g.parts
}

// supportRuns is how many runs are in a bundle.
const supportRuns = 50

// mistakePlaces returns where the configuration has mistakes. What they say may quote a
// name.
func mistakePlaces(err error) any {
	type place struct {
		Line int    `json:"line"`
		Key  string `json:"key"`
	}
	var places []place
	if all, ok := errors.AsType[*config.Mistakes](err); ok {
		for _, m := range all.List {
			places = append(places, place{m.Line, m.Key})
		}
	}
	return places
}

func (app *App) versionAndPlatform() any {
	return struct {
		Version      string    `json:"version"`
		Built        time.Time `json:"built,omitzero"`
		Go           string    `json:"go"`
		System       string    `json:"system"`
		Architecture string    `json:"architecture"`
		Processors   int       `json:"processors"`
		MadeAt       time.Time `json:"made_at"`
	}{app.version(), builtAt(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC()}
}

// gathering is a bundle that is being gathered.
type gathering struct {
	app      *App
	ctx      context.Context
	redactor *support.Redactor
	parts    []supportPart
}

func (g *gathering) add(name, what string, content []byte) {
	g.parts = append(g.parts, supportPart{name, what, content})
}

// json adds a value without names, figures and secrets.
func (g *gathering) json(name, what string, v any) {
	text, err := json.Marshal(v)
	if err == nil {
		text = g.redactor.JSON(text)
	}
	var out bytes.Buffer
	if err != nil || json.Indent(&out, text, "", "  ") != nil {
		out.WriteString("null")
	}
	g.add(name, what, append(out.Bytes(), '\n'))
}

func (g *gathering) orError(name, what string, v any, err error) {
	if err == nil {
		g.json(name, what, v)
		return
	}
	p := problem.Of(err)
	g.json(name, what, map[string]string{"code": string(p.Code), "error": p.Error()})
}

// addNames tells the redactor all names in the state.
func (g *gathering) addNames(api localapi.API) error {
	r := g.redactor
	for e, err := range api.Entries(g.ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		instead := "entry " + fmt.Sprint(e.Number)
		for _, name := range append(e.Dossier.References(), e.Dossier.Name, e.ID) {
			r.AddName(name, instead)
		}
	}
	connections, err := api.Connections(g.ctx)
	if err != nil {
		return err
	}
	for i, c := range connections {
		instead := fmt.Sprintf("%s %d", c.Kind, i+1)
		r.AddName(c.ID, instead)
		r.AddName(c.Name, instead)
		for _, value := range c.Settings {
			r.AddName(value, "setting of "+instead)
		}
	}
	firms, err := api.Firms(g.ctx)
	if err != nil {
		return err
	}
	for _, f := range firms {
		r.AddName(f.Name, fmt.Sprintf("firm %d", f.ID))
		r.AddName(f.LinkedBy, "who linked it")
	}
	links, err := api.Links(g.ctx)
	if err != nil {
		return err
	}
	for i, l := range links {
		for _, name := range []string{l.DossierID, l.EnterpriseNumber.String(), l.NumberDiffers.Company, l.Note} {
			r.AddName(name, fmt.Sprintf("link %d", i+1))
		}
	}
	people, err := api.People(g.ctx)
	for i, q := range people {
		r.AddName(q.Name, fmt.Sprintf("person %d", i+1))
	}
	return err
}

// addConfiguredNames tells the redactor the names in the configuration.
func (g *gathering) addConfiguredNames(cfg *config.Config) {
	for i, f := range cfg.Folders {
		g.redactor.AddName(f.Path, fmt.Sprintf("folder %d", i+1))
		g.redactor.AddName(f.Name, fmt.Sprintf("folder %d", i+1))
	}
	for i, d := range cfg.Dossiers {
		for _, name := range []string{d.Dossier, d.EnterpriseNumber.String(), d.NumberDiffers, d.Note} {
			g.redactor.AddName(name, fmt.Sprintf("link %d", i+1))
		}
	}
	for i, u := range append(cfg.Portal.OIDC.AdminUsers, cfg.Portal.OIDC.StaffUsers...) {
		g.redactor.AddName(u, fmt.Sprintf("user %d", i+1))
	}
	host, _ := os.Hostname()
	g.redactor.AddName(host, "this server")
}

// addSecrets tells the redactor what is secret: it is in no text, and would be replaced
// there.
func (g *gathering) addSecrets(cfg *config.Config) {
	for _, secret := range cfg.Secrets() {
		g.redactor.AddSecret(secret.Reveal())
	}
}

// settings returns the settings. Text of a person's own is left out.
func (g *gathering) settings(cfg *config.Config) any {
	type setting struct {
		Key   string `json:"key"`
		Value string `json:"value"`
		From  string `json:"origin_kind"`
	}
	var list []setting
	for _, s := range cfg.Settings() {
		from := "file"
		if s.Origin == (config.Origin{}).String() {
			from = "default"
		}
		value := s.Value
		if !g.redactor.WithNames() && from != "default" {
			value = support.Setting(s.Key, s.Value)
		}
		list = append(list, setting{s.Key, value, from})
	}
	return list
}

// doctor returns what doctor finds. The names of checks are balansd's own, but for those of
// folders, which the redactor knows.
func (g *gathering) doctor(cfg *config.Config) any {
	type finding struct {
		Check   string `json:"check"`
		Outcome string `json:"outcome"`
		Text    string `json:"text"`
		Next    string `json:"next,omitempty"`
		Code    string `json:"code,omitempty"`
	}
	var list []finding
	for _, c := range g.app.doctor(g.ctx, cfg) {
		list = append(list, finding{g.redactor.Sentence(c.Name), string(c.Outcome), c.Text, c.Next, string(c.Code)})
	}
	return list
}

// metricsText returns the metrics as a monitoring system reads them.
func (app *App) metricsText(ctx context.Context, api localapi.API, cfg *config.Config) ([]byte, error) {
	size := func() int64 {
		info, err := os.Stat(cfg.StateFile)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	return portal.MetricsText(ctx, portal.Config{API: api, StateSize: size, Version: app.version(), Now: time.Now})
}

// log adds the log from a time on.
func (g *gathering) log(cfg *config.Config, since time.Time, days int) {
	const name = "log.jsonl"
	what := fmt.Sprintf("the log of the last %d days", days)
	lines, err := g.app.logLines(g.ctx, cfg, since)
	if err != nil {
		g.json("log.json", what, map[string]string{"error": err.Error()})
		return
	}
	var out bytes.Buffer
	other := 0
	for line := range lines {
		text := g.redactor.JSON(line)
		if text == nil || text[0] != '{' {
			other++
			continue
		}
		if out.Len() > maxSupportLog {
			break
		}
		out.Write(append(text, '\n'))
	}
	if other > 0 {
		what += fmt.Sprintf("; %d lines that are not JSON are left out", other)
	}
	g.add(name, what, out.Bytes())
}

// maxSupportLog bounds the log in a bundle, in bytes.
const maxSupportLog = 32 << 20

// ownLogFile is the file that the service logs to, where it does not log to the journal.
func ownLogFile(cfg *config.Config) string {
	if cfg.Log.File != "" {
		return cfg.Log.File
	}
	return logFile(cfg)
}
