package cli

import (
	"context"
	"os"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/problem"
	"balansd/service"

	"github.com/rs/zerolog"
)

// check is one thing that balansd check and balansd doctor look at. It may have several
// results, or none where there is nothing to look at.
type check struct {
	name   string
	online bool // it asks others or takes long: only doctor does it
	look   func(*examination, context.Context) []daemon.Check
}

// checks lists all checks in the order in which they are carried out; their results are
// shown in that of walk. A new one is added to both. A check changes nothing, and ends when its context does.
func checks() []check {
	return []check{
		{"configuration", false, (*examination).checkConfiguration},
		{"state", false, (*examination).checkState},
		{"data key", false, (*examination).checkKey},
		{"backups", false, (*examination).checkBackups},
		{"access", false, (*examination).checkAccess},
		{"program", false, (*examination).checkProgram},
		{"folders", true, (*examination).checkFolders},
		{"services", true, (*examination).checkServices},
		{"mappings", true, (*examination).checkMappings},
		{"server", true, (*examination).checkHost}, // after the services, whose certificates were seen
		{"notifications", true, (*examination).checkNotifications},
		{"OIDC", true, (*examination).checkProvider},
		{"portal", true, (*examination).checkPages},
	}
}

// examination is what the checks look at.
type examination struct {
	app *App
	cfg *config.Config // the daemon's in force, else what the file says
	log zerolog.Logger
	// node is that of the running daemon, which checks its own surroundings; nil in the
	// process of a command, which may find the state in use.
	node    *node
	managed bool // the service manager started the daemon
	host    *hostWatch
}

// The limits of the checks.
const (
	checkLimit  = 3 * time.Minute  // of one check
	doctorLimit = 10 * time.Minute // of all
	checkGrace  = 2 * time.Second  // for a check to say how far it came, once its time is over
)

// examine runs the checks one after the other, since two may need the lock of the state.
func (x *examination) examine(ctx context.Context, online bool) []daemon.Check {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	var list []daemon.Check
	for _, c := range checks() {
		if online || !c.online {
			list = append(list, runCheck(ctx, checkLimit, c.name, func(ctx context.Context) []daemon.Check { return c.look(x, ctx) })...)
		}
	}
	return sortChecks(list)
}

// runCheck returns the results of a check. One that hangs, as a call to the disk of another
// machine may, is left behind.
func runCheck(ctx context.Context, limit time.Duration, name string, look func(context.Context) []daemon.Check) []daemon.Check {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []daemon.Check, 1)
	go func() { done <- look(ctx) }()
	select {
	case list := <-done:
		return list
	case <-ctx.Done():
	}
	select {
	case list := <-done:
		return list
	case <-time.After(checkGrace):
		return []daemon.Check{daemon.NewCheck(name, "", problem.Wrap(ctx.Err(), problem.Stopped, "this did not end in time",
			"See whether a disk or a share that it needs still answers."))}
	}
}

// checkConfiguration reads the configuration again: the service would not start with one
// that has mistakes, whatever is in force now.
func (x *examination) checkConfiguration(context.Context) []daemon.Check {
	const name = "configuration"
	if x.node != nil {
		if _, err := x.app.configWithAllMistakes(); err != nil {
			return one(daemon.NewCheck(name, "", err))
		}
	}
	file := x.cfg.File()
	if file == "" {
		file = "no file; the defaults hold"
	}
	return one(daemon.NewCheck(name, file, nil))
}

// configWithAllMistakes reads the configuration, and finds all mistakes that config check
// finds without the state.
func (app *App) configWithAllMistakes() (*config.Config, error) {
	return config.Load(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ, Also: allMistakes})
}

// checkAccess checks that only the service can access its files.
func (x *examination) checkAccess(context.Context) []daemon.Check {
	complaints, err := service.CheckAccess(ownPaths(x.cfg)...)
	list := []daemon.Check{}
	for _, c := range complaints {
		list = append(list, daemon.NewCheck("access", "", problem.New(problem.NeedsPerson, c,
			"Take that right away from others; balansd service install mends what the service uses.")))
	}
	if err != nil || len(list) == 0 {
		list = append(list, daemon.NewCheck("access", "nobody else reaches the state, its key and the secrets", err))
	}
	return list
}

// checkProgram checks that only administrators can change the program of the service.
// Without a service it checks nothing.
func (x *examination) checkProgram(ctx context.Context) []daemon.Check {
	path, err := x.program(ctx)
	if err != nil || path == "" {
		return nil
	}
	return one(programResult(path))
}

func programResult(path string) daemon.Check {
	return daemon.NewCheck("program", path+", which administrators alone may change", service.CheckProgram(path))
}

// program returns the path of the program of the service, empty for none.
func (x *examination) program(ctx context.Context) (string, error) {
	if x.node != nil {
		if !x.managed {
			return "", nil
		}
		return os.Executable()
	}
	m, err := service.New(service.Options{Log: x.log})
	if err != nil {
		return "", err
	}
	st, err := m.Status(ctx)
	return st.Executable, err
}

// one returns a list of one result.
func one(c daemon.Check) []daemon.Check { return []daemon.Check{c} }

// showChecks prints the results, and returns the first problem among them: one that needs
// a person only if there is no other.
func (app *App) showChecks(list []daemon.Check) error {
	if app.asJSON {
		if err := app.print(struct {
			Version string         `json:"version"`
			Checks  []daemon.Check `json:"checks"`
		}{app.version(), list}); err != nil {
			return err
		}
	} else {
		app.checkText(list)
	}
	var wrong, warning error
	for _, c := range list {
		switch {
		case c.Outcome == daemon.CheckWarning && warning == nil:
			warning = shownError{c.Err()}
		case c.Outcome == daemon.CheckWrong && wrong == nil:
			wrong = shownError{c.Err()}
		}
	}
	if wrong == nil {
		return warning
	}
	return wrong
}

func (app *App) checkText(list []daemon.Check) {
	marks := map[daemon.CheckOutcome]string{daemon.CheckWell: "well", daemon.CheckWarning: "soon", daemon.CheckWrong: "WRONG"}
	t := newTable("", "", "")
	for _, c := range list {
		t.add(marks[c.Outcome], c.Name, c.Text)
		if c.Next != "" {
			t.add("", "", "→ "+c.Next)
		}
	}
	for _, line := range app.lines(t)[1:] {
		app.printf("%s\n", line)
	}
}
