package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// mostSteps is how many steps that people began are remembered.
const mostSteps = 20

// steps are what people began at Finbox or Silverfin, in memory. The zero steps
// are ready, and safe for concurrent use.
type steps struct {
	mu   sync.Mutex
	list []*step // oldest first
}

// step is one of them. It goes on when the browser goes away, and may take
// longer than a page: a service may ask for a wait before each call.
type step struct {
	id, person string // the address, and the key of who began it
	ended      chan struct{}
	answer     func(*request) error // shows how it ended, once it has
}

func (s *steps) add(one *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, one)
	s.list = s.list[max(0, len(s.list)-mostSteps):]
}

func (s *steps) find(id, person string) *step {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(one *step) bool { return one.id == id && one.person == person })
	if i < 0 {
		return nil
	}
	return s.list[i]
}

// drop forgets a step, and tells whether it was still there.
func (s *steps) drop(one *step) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.list)
	s.list = slices.DeleteFunc(s.list, func(o *step) bool { return o == one })
	return len(s.list) < before
}

// background gives a context for work that goes on when the browser goes away,
// and ends with the server.
func background(ctx context.Context) (context.Context, context.CancelFunc) {
	life := lifeOf(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(life, cancel)
	return ctx, func() { stop(); cancel() }
}

// patiently carries out a step at Finbox or Silverfin, and answers with what it
// gives. Where it takes long, the answer is a page that waits for it.
func (rq *request) patiently(do func(ctx context.Context) (answer func(*request) error)) error {
	ctx, cancel := background(rq.r.Context())
	one := &step{id: rand.Text(), person: rq.person.Key, ended: make(chan struct{})}
	rq.steps.add(one)
	go func() {
		defer close(one.ended)
		defer cancel()
		defer func() {
			if fault := recover(); fault != nil { // as in a page: it ends no service
				rq.Log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("a step broke down")
				one.answer = func(*request) error { return errors.New("a fault in balansd") }
			}
		}()
		one.answer = do(ctx)
	}()
	late := time.NewTimer(rq.patience())
	defer late.Stop()
	select {
	case <-one.ended:
		return rq.answerStep(one)
	case <-late.C:
	case <-rq.r.Context().Done():
	}
	return rq.redirect("/connection/step/" + one.id)
}

func (rq *request) answerStep(one *step) error {
	if !rq.steps.drop(one) { // another window has shown it
		return rq.redirect("/connection")
	}
	return one.answer(rq)
}

// stepPage shows how a step ended, or that it goes on: then the browser asks
// again by itself.
func stepPage(rq *request) error {
	one := rq.steps.find(rq.r.PathValue("step"), rq.person.Key)
	if one == nil {
		return rq.redirect("/connection")
	}
	select {
	case <-one.ended:
		return rq.answerStep(one)
	default:
	}
	rq.w.Header().Set("Refresh", "2")
	return rq.writePage(http.StatusOK, "step", nil)
}
