package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// maxTasks bounds the tasks that are kept in memory.
const maxTasks = 20

// taskList holds the tasks that people started. They end with the process. The zero value
// is ready to use, and it is safe for concurrent use.
type taskList struct {
	mu   sync.Mutex
	list []*task // oldest first
}

// task is something that a person started, such as a call of Silverfin or a step for many
// balances. It continues when the browser disconnects, and may take longer than a page: a
// service may ask for a wait before each call.
type task struct {
	id, person string               // the id in its address, and the key of who started it
	wait       func(*request) error // writes the page while it runs
	done       chan struct{}
	respond    func(*request) error // writes the result; set when done is closed
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

// remove removes a task, and reports whether it was still there.
func (s *taskList) remove(one *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.list)
	s.list = slices.DeleteFunc(s.list, func(o *task) bool { return o == one })
	return len(s.list) < before
}

// startTask runs do in the background. wait writes the page while it runs, and the function
// that do returns writes the result.
func (rq *request) startTask(list *taskList, wait func(*request) error, do func(ctx context.Context) (answer func(*request) error)) *task {
	ctx, cancel := background(rq.r.Context())
	one := &task{id: rand.Text(), person: rq.person.Key, wait: wait, done: make(chan struct{})}
	list.add(one)
	go func() {
		defer close(one.done)
		defer cancel()
		defer func() {
			if fault := recover(); fault != nil { // as in a request: it must not end the process
				rq.Log.Error().Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("a background task panicked")
				one.respond = func(*request) error { return errors.New("a fault in balansd") }
			}
		}()
		one.respond = do(ctx)
	}()
	return one
}

// runTask runs do in the background and answers with the function that it returns.
// When it takes longer than slowAfter the answer redirects to a page that waits for it.
func (rq *request) runTask(do func(ctx context.Context) (answer func(*request) error)) error {
	one := rq.startTask(&rq.tasks, waitForTask, do)
	late := time.NewTimer(rq.slowAfter())
	defer late.Stop()
	select {
	case <-one.done:
		return rq.respondTask(one)
	case <-late.C:
	case <-rq.r.Context().Done():
	}
	return rq.redirect("/step/" + one.id)
}

// waitForTask shows a page that the browser reloads by itself.
func waitForTask(rq *request) error {
	rq.w.Header().Set("Refresh", "2")
	return rq.renderPage("task", nil)
}

func (rq *request) respondTask(one *task) error {
	if !rq.tasks.remove(one) { // another window has shown the result
		return rq.redirect("/")
	}
	return one.respond(rq)
}

// taskPage answers with the result of a task, or with its page of waiting.
func taskPage(rq *request) error {
	one := rq.tasks.find(rq.r.PathValue("step"), rq.person.Key)
	if one == nil {
		return rq.redirect("/")
	}
	select {
	case <-one.done:
		return rq.respondTask(one)
	default:
		return one.wait(rq)
	}
}
