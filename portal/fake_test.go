package portal

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// fake is a daemon.API that answers with every field of every type filled, and
// remembers what it was asked.
type fake struct {
	err   error // what every method fails with, when not nil
	empty bool  // there is nothing yet: every answer is the zero one
	pass  func(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error)

	mu    sync.Mutex
	heard []string
}

var _ daemon.API = (*fake)(nil)

func (f *fake) hear(method string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = append(f.heard, fmt.Sprintf("%s%+v", method, args))
}

func (f *fake) Status(context.Context) (daemon.Status, error) {
	f.hear("Status")
	return answerOf[daemon.Status](f)
}

func (f *fake) Sync(ctx context.Context, r daemon.SyncRequest, report func(daemon.Progress)) (ledger.Run, error) {
	f.hear("Sync", r)
	if f.pass != nil {
		return f.pass(ctx, r, report)
	}
	if report != nil {
		report(daemon.Progress{Text: "lists the sources"})
		report(full[daemon.Progress]())
	}
	return full[ledger.Run](), f.err
}

func (f *fake) Entries(_ context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	f.hear("Entries", q)
	return func(yield func(ledger.Entry, error) bool) {
		for n := uint64(3); n > 0; n-- {
			e := full[ledger.Entry]()
			e.Number = n
			if !yield(e, nil) {
				f.hear("left")
				return
			}
		}
		if f.err != nil {
			yield(ledger.Entry{}, f.err)
		}
	}
}

func (f *fake) Show(_ context.Context, number uint64) (daemon.EntryDetail, error) {
	f.hear("Show", number)
	return answerOf[daemon.EntryDetail](f)
}

func (f *fake) Retry(_ context.Context, number uint64, by string) (ledger.Entry, error) {
	f.hear("Retry", number, by)
	return answerOf[ledger.Entry](f)
}

func (f *fake) Decide(_ context.Context, d daemon.Decision) (ledger.Entry, error) {
	f.hear("Decide", d)
	return answerOf[ledger.Entry](f)
}

func (f *fake) Dismiss(_ context.Context, number uint64, by string) (ledger.Entry, error) {
	f.hear("Dismiss", number, by)
	return answerOf[ledger.Entry](f)
}

func (f *fake) ConnectFinbox(_ context.Context, id, by string) (ledger.Connection, []string, error) {
	f.hear("ConnectFinbox", id, by)
	c, err := answerOf[ledger.Connection](f)
	return c, notesOf(f), err
}

func (f *fake) Connections(context.Context) ([]ledger.Connection, error) {
	f.hear("Connections")
	return answerOf[[]ledger.Connection](f)
}

func (f *fake) SetConnection(_ context.Context, id string, s ledger.ConnectionStatus, by string) (ledger.Connection, error) {
	f.hear("SetConnection", id, s, by)
	return answerOf[ledger.Connection](f)
}

func (f *fake) Firms(context.Context) ([]ledger.Firm, error) {
	f.hear("Firms")
	return answerOf[[]ledger.Firm](f)
}

func (f *fake) TakeOver(_ context.Context, id int64, by string) error {
	f.hear("TakeOver", id, by)
	return f.err
}

func (f *fake) RemoveFirm(_ context.Context, id int64, by string) error {
	f.hear("RemoveFirm", id, by)
	return f.err
}

func (f *fake) BeginSilverfin(_ context.Context, firmID int64, redirect string) (daemon.SignIn, error) {
	f.hear("BeginSilverfin", firmID, redirect)
	return answerOf[daemon.SignIn](f)
}

func (f *fake) EndSilverfin(_ context.Context, state, code string, firmID int64, by string) (ledger.Firm, []string, error) {
	f.hear("EndSilverfin", state, code, firmID, by)
	firm, err := answerOf[ledger.Firm](f)
	return firm, notesOf(f), err
}

func (f *fake) Document(_ context.Context, number uint64) (daemon.Document, error) {
	f.hear("Document", number)
	return answerOf[daemon.Document](f)
}

func (f *fake) Dossiers(_ context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	f.hear("Dossiers", q)
	return answerOf[daemon.DossierPage](f)
}

func (f *fake) History(_ context.Context, limit int) (daemon.History, error) {
	f.hear("History", limit)
	return answerOf[daemon.History](f)
}

func (f *fake) Backup(_ context.Context, by string) (ledger.Backup, error) {
	f.hear("Backup", by)
	return answerOf[ledger.Backup](f)
}

func (f *fake) Link(_ context.Context, l ledger.DossierLink, by string) (ledger.DossierLink, error) {
	f.hear("Link", l, by)
	return answerOf[ledger.DossierLink](f)
}

func (f *fake) Links(context.Context) ([]ledger.DossierLink, error) {
	f.hear("Links")
	return answerOf[[]ledger.DossierLink](f)
}

// answerOf is a full value, or the fake's error and the zero value.
func answerOf[T any](f *fake) (T, error) {
	if f.err != nil || f.empty {
		var zero T
		return zero, f.err
	}
	return full[T](), nil
}

func notesOf(f *fake) []string {
	if f.err != nil || f.empty {
		return nil
	}
	return []string{"the start date is not today"}
}

// full makes a value of which every field is set, so that one that the local
// API loses is missed.
func full[T any]() T {
	var v T
	n := 0
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 29, 2, 30, *n, 123456789, time.UTC)))
		return
	case balance.Date:
		v.Set(reflect.ValueOf(balance.Date{Year: 2000 + *n, Month: time.December, Day: 31}))
		return
	case balance.Cell:
		v.Set(reflect.ValueOf(balance.Cell{Code: "1003", Previous: true}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(elem, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d, with é and \"quotes\"", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n%255) + 1)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // beyond what a float64 holds
	default:
		panic("the fake cannot fill a " + v.Type().String())
	}
}

// TestFullLeavesNothingOut keeps the fake honest: a zero field would let the
// contract test pass over a field that is lost.
func TestFullLeavesNothingOut(t *testing.T) {
	var zero func(path string, v reflect.Value)
	zero = func(path string, v reflect.Value) {
		if v.IsZero() {
			t.Errorf("%s is zero", path)
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				zero(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	zero("Entry", reflect.ValueOf(full[ledger.Entry]()))
	zero("Status", reflect.ValueOf(full[daemon.Status]()))
	zero("Run", reflect.ValueOf(full[ledger.Run]()))
	zero("Full", reflect.ValueOf(full[daemon.EntryDetail]()))
}
