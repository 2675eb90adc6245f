package localapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// On Windows go-winio waits for its pipes in one goroutine that never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Microsoft/go-winio.ioCompletionProcessor"))
}

// cases calls each method of API, by name, and returns its results.
var cases = map[string]func(context.Context, API) []any{
	"Status": func(ctx context.Context, a API) []any { return results(a.Status(ctx)) },
	"Sync": func(ctx context.Context, a API) []any {
		var steps []daemon.Progress
		run, err := a.Sync(ctx, daemontest.Full[daemon.SyncRequest](), func(p daemon.Progress) { steps = append(steps, p) })
		return append(results(run, err), steps)
	},
	"Entries": func(ctx context.Context, a API) []any {
		var out []any
		for e, err := range a.Entries(ctx, daemontest.Full[ledger.Query]()) {
			out = append(out, results(e, err)...)
		}
		return out
	},
	"Decide": func(ctx context.Context, a API) []any {
		cells := []balance.Cell{{Code: "1003"}, {Code: "1003", Previous: true}}
		return append(results(a.Decide(ctx, daemon.Decision{Number: 7, Choice: daemon.UseFinbox, Cells: cells, Seen: 3, By: "An"})),
			results(a.Decide(ctx, daemon.Decision{Number: 8, Choice: daemon.KeepSilverfin}))...)
	},
	"SetConnection": func(ctx context.Context, a API) []any {
		return results(a.SetConnection(ctx, daemon.ConnectionRequest{ID: "ABC-123", Status: ledger.Paused, By: "An"}))
	},
	"EndSilverfin": func(ctx context.Context, a API) []any {
		return results(a.EndSilverfin(ctx, daemon.GrantRequest{State: "state", Code: "code", FirmID: 14, By: "An"}))
	},
	"UploadFile": func(ctx context.Context, a API) []any {
		return results(a.UploadFile(ctx, daemontest.Full[daemon.UploadFileRequest](), strings.NewReader("the content\x00")))
	},
	"Upload":        full(API.Upload),
	"Uploads":       full(noRequest(API.Uploads)),
	"CheckUpload":   full(API.CheckUpload),
	"Clients":       full(API.Clients),
	"ChooseClient":  full(API.ChooseClient),
	"TryMapping":    full(API.TryMapping),
	"ConfirmUpload": full(API.ConfirmUpload),
	"DiscardUpload": full(noAnswer(API.DiscardUpload)),
	"Show":          full(API.Show),
	"Document":      full(API.Document),
	"Dossiers":      full(API.Dossiers),
	"Overview":      full(noRequest(API.Overview)),
	"History":       full(API.History),
	"StopSync":      full(API.StopSync),
	"Retry":         full(API.Retry),
	"Accept":        full(API.Accept),
	"Dismiss":       full(API.Dismiss),
	"Bulk":          full(API.Bulk),
	"ConnectFinbox": full(API.ConnectFinbox),
	"Catalogue":     full(noRequest(API.Catalogue)),
	"AddConnection": full(func(api API, ctx context.Context, r daemon.NewConnection) (daemon.ConnectionTest, error) {
		r.DryRun = false // which is not recorded
		return api.AddConnection(ctx, r)
	}),
	"TestConnection": full(API.TestConnection),
	"Connections":    full(noRequest(API.Connections)),
	"Firms":          full(noRequest(API.Firms)),
	"RemoveFirm":     full(noAnswer(API.RemoveFirm)),
	"Mappings":       full(API.Mappings),
	"LearnMapping":   full(API.LearnMapping),
	"SetMapping":     full(API.SetMapping),
	"CheckMapping":   full(API.CheckMapping),
	"TakeOver":       full(noAnswer(API.TakeOver)),
	"BeginSilverfin": full(API.BeginSilverfin),
	"Link":           full(API.Link),
	"FreeCompanies":  full(API.FreeCompanies),
	"ExportLinks":    full(noRequest(API.ExportLinks)),
	"ImportLinks":    full(API.ImportLinks),
	"PreviewLink":    full(API.PreviewLink),
	"Unlink":         full(API.Unlink),
	"Periods":        full(API.Periods),
	"Tie":            full(API.Tie),
	"Links":          full(noRequest(API.Links)),
	"Group":          full(API.Group),
	"Ungroup":        full(API.Ungroup),
	"Groups":         full(noRequest(API.Groups)),
	"NotifyTest":     full(API.NotifyTest),
	"Backup":         full(API.Backup),
	"ConnectAdsolut": full(noAnswer(API.ConnectAdsolut)),
	"KeyExported":    full(noAnswer(API.KeyExported)),
	"Reload":         full(API.Reload),
	"TryCredentials": full(API.TryCredentials),
	"Doctor":         full(noRequest(API.Doctor)),
	"People":         full(noRequest(API.People)),
	"Invite":         full(API.Invite),
	"Enable":         full(API.Enable),

	"ListAdministration":   full(API.ListAdministration),
	"ShowAdministration":   full(API.ShowAdministration),
	"References":           full(API.References),
	"PickReference":        full(API.PickReference),
	"SyncAdministration":   full(API.SyncAdministration),
	"DecideAdministration": full(API.DecideAdministration),
	"NumberFindings":       full(API.NumberFindings),
}

// full calls a method with a request of which every field is set.
func full[In, Out any](method func(API, context.Context, In) (Out, error)) func(context.Context, API) []any {
	return func(ctx context.Context, a API) []any { return results(method(a, ctx, daemontest.Full[In]())) }
}

// results returns a value and the text of its error.
func results[T any](v T, err error) []any {
	if err == nil {
		return []any{v, "no error"}
	}
	p := problem.Of(err)
	return []any{v, fmt.Sprintf("%s | %s | %s | %s", p.Code, p.What, p.Next, p.Error())}
}

// TestContract checks, for every method, that the client returns the same results and the
// same problems as a direct call.
func TestContract(t *testing.T) {
	outcomes := map[string]error{
		"no error": nil,
		"a problem": problem.New(problem.NotFound, "entry 7 of bakkerij \"Maes & zoon\" is not in the ledger",
			"See balansd ledger list."),
		"a problem with a cause": problem.Wrap(errors.New("no space left on device"), problem.StateUnwritable,
			"the state file cannot be written", "Make room on the disk."),
		"a wrapped problem": fmt.Errorf("outer: %w", problem.New(problem.NeedsPerson, "two dossiers differ", "Decide.")),
		"a problem with a reason": problem.New(problem.FinboxDown, "Finbox cannot be reached", "").
			Because(problem.Untrusted, "Name its certificate in network.ca_file."),
		"a problem of no words": problem.New(problem.Busy, "", ""),
		"any other error":       errors.New("index out of range"),
	}
	api := reflect.TypeFor[API]()
	for i := range api.NumMethod() {
		if name := api.Method(i).Name; cases[name] == nil {
			t.Errorf("no case calls %s", name)
		}
	}
	for name, call := range cases {
		for outcome, err := range outcomes {
			t.Run(name+" "+outcome, func(t *testing.T) {
				direct, behind := fakeAPI{&daemontest.API{Err: err}}, fakeAPI{&daemontest.API{Err: err}}
				want := call(t.Context(), direct)
				got := call(t.Context(), connect(t, behind))
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("the client returns something else (-direct +client):\n%s", d)
				}
				if d := cmp.Diff(direct.Calls(), behind.Calls()); d != "" {
					t.Errorf("the daemon is called differently (-direct +client):\n%s", d)
				}
			})
		}
	}
}

// A file arrives as it was sent, whatever its size, and one that is not sent to its
// end is a problem.
func TestUploadFileOverTheSocket(t *testing.T) {
	api := &daemontest.API{}
	c := connect(t, fakeAPI{api})
	large := strings.Repeat("0123456789abcdef", 1<<16)
	if _, err := c.UploadFile(t.Context(), daemon.UploadFileRequest{Name: "a & b?.csv"}, strings.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	if calls := api.Calls(); len(calls) != 1 || !strings.Contains(calls[0], large) || !strings.Contains(calls[0], "a & b?.csv") {
		t.Errorf("%d calls, of %d bytes", len(calls), len(calls[0]))
	}
	cut := errors.New("the disk was taken out")
	if _, err := c.UploadFile(t.Context(), daemon.UploadFileRequest{}, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(cut))); err == nil {
		t.Error("a file that broke off was uploaded")
	}
}

// serve serves the API on a socket until the test ends, or stop is called.
func serve(t *testing.T, cfg Config) (path string, stop func()) {
	t.Helper()
	path = address(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, New(cfg), cfg.Log) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

// connect serves an API on a socket and returns a client of it.
func connect(t *testing.T, api API) *Client {
	t.Helper()
	path, _ := serve(t, Config{API: api, Log: zerolog.Nop()})
	c, err := Dial(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDocsNameEveryCall compares docs/api.md with the calls.
func TestDocsNameEveryCall(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	handlers := (&handler{}).handlers()
	for path := range handlers {
		if !strings.Contains(string(text), "| `"+path+"` |") {
			t.Errorf("docs/api.md does not name %s", path)
		}
	}
	if rows := strings.Count(string(text), "| `"+prefix); rows != len(handlers) {
		t.Errorf("docs/api.md has %d calls, and there are %d", rows, len(handlers))
	}
}
