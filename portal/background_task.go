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

// maxTasks is how many steps that people began are remembered.
const maxTasks = 20

// taskList are what people began at Finbox or Silverfin, in memory. The zero steps
// are ready, and safe for concurrent use.
type taskList struct {
	mu   sync.Mutex
	list []*task // oldest first
}

// task is one of them. It goes on when the browser goes away, and may take
// longer than a page: a service may ask for a wait before each call.
type task struct {
	id, person string // the address, and the key of who began it
	done       chan struct{}
	respond    func(*request) error // shows how it ended, once it has
}

func (s *taskList) add(one *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, one)
	s.list = s.list[max(0, len(s.list)-maxTasks):]
}

func (s *taskList) find(id, person string) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(one *task) bool { return one.id == id && one.person == person })
	if i < 0 {
		return nil
	}
	return s.list[i]
}

// remove forgets a step, and tells whether it was still there.
func (s *taskList) remove(one *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.list)
	s.list = slices.DeleteFunc(s.list, func(o *task) bool { return o == one })
	return len(s.list) < before
}

// runTask carries out a step at Finbox or Silverfin, and answers with what it
// gives. Where it takes long, the answer is a page that waits for it.
func (rq *request) runTask(do func(ctx context.Context) (answer func(*request) error)) error {
	ctx, cancel := background(rq.r.Context())
	one := &task{id: rand.Text(), person: rq.person.Key, done: make(chan struct{})}
	rq.tasks.add(one)
	go func() {
		defer close(one.done)
		defer cancel()
		defer func() {
			if fault := recover(); fault != nil { // as in a page: it ends no service
				rq.Log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("a step broke down")
				one.respond = func(*request) error { return errors.New("a fault in balansd") }
			}
		}()
		one.respond = do(ctx)
	}()
	late := time.NewTimer(rq.slowAfter())
	defer late.Stop()
	select {
	case <-one.done:
		return rq.respondTask(one)
	case <-late.C:
	case <-rq.r.Context().Done():
	}
	return rq.redirect("/connection/step/" + one.id)
}

func (rq *request) respondTask(one *task) error {
	if !rq.tasks.remove(one) { // another window has shown it
		return rq.redirect("/connection")
	}
	return one.respond(rq)
}

// taskPage shows how a step ended, or that it goes on: then the browser asks
// again by itself.
func taskPage(rq *request) error {
	one := rq.tasks.find(rq.r.PathValue("step"), rq.person.Key)
	if one == nil {
		return rq.redirect("/connection")
	}
	select {
	case <-one.done:
		return rq.respondTask(one)
	default:
	}
	rq.w.Header().Set("Refresh", "2")
	return rq.renderPageStatus(http.StatusOK, "task", nil)
}
