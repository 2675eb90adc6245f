package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"balansd/administration"
	"balansd/internal/sleep"
	"balansd/problem"
	"balansd/transport"

	"golang.org/x/time/rate"
)

const (
	// maxAnswer bounds an answer, in bytes. A page of 400 relations has some 2 MB.
	maxAnswer = 32 << 20
	// maxPages bounds the pages of a list.
	maxPages = 2000
	// maxWaits is how often a service is asked again that says to wait.
	maxWaits = 3
	// longestWait is the longest wait for a service that is followed within one listing.
	longestWait = 2 * time.Minute
)

// service calls one web service.
type service struct {
	name      string // for people
	base      string
	http      *http.Client
	limiter   *rate.Limiter
	pause     time.Duration // after a 429 that does not say how long to wait
	wait      func(ctx context.Context, d time.Duration) error
	authorize func(ctx context.Context, req *http.Request, refused string) (used string, err error)
	renewKey  string // what to do where the key is refused
}

// Wait is how a source waits before it asks again; nil is sleep.For.
type Wait func(ctx context.Context, d time.Duration) error

func waiter(w Wait) func(ctx context.Context, d time.Duration) error {
	if w == nil {
		return sleep.For
	}
	return w
}

// keyHeader authorizes calls with a header.
func keyHeader(name, value string) func(context.Context, *http.Request, string) (string, error) {
	return func(_ context.Context, req *http.Request, _ string) (string, error) {
		req.Header.Set(name, value)
		return "", nil
	}
}

// errAbsent says that the service has nothing at the address: 404.
var errAbsent = errors.New("there is no such thing")

// get asks for an address below the base. errAbsent is a 404; any other error is a
// *problem.Problem or that of ctx.
func (s *service) get(ctx context.Context, path string, query url.Values, accept string) ([]byte, error) {
	refused, waits := "", 0
	for {
		status, body, used, pause, err := s.once(ctx, path, query, accept, refused)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return body, nil
		case status == http.StatusNotFound:
			return nil, errAbsent
		case status == http.StatusUnauthorized && used != "" && refused == "":
			refused = used // once, with another token
		case status == http.StatusUnauthorized, status == http.StatusForbidden:
			return nil, problem.New(problem.AdministrationSignIn, fmt.Sprintf("%s refuses the sign-in (%d)", s.name, status), s.renewKey)
		case status == http.StatusTooManyRequests && waits < maxWaits && pause <= longestWait:
			waits++
			if err := s.wait(ctx, pause); err != nil {
				return nil, err
			}
		case status == http.StatusTooManyRequests:
			return nil, s.down("it asks to wait for longer than a listing may take (429)")
		default:
			return nil, s.down(fmt.Sprintf("it answered %d", status))
		}
	}
}

// once makes one call.
func (s *service) once(ctx context.Context, path string, query url.Values, accept, refused string) (status int, body []byte, used string, pause time.Duration, err error) {
	if err = s.limiter.Wait(ctx); err != nil {
		return 0, nil, "", 0, err
	}
	address := strings.TrimRight(s.base, "/") + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, "", 0, s.down("its address is none")
	}
	req.Header.Set("Accept", accept)
	if used, err = s.authorize(ctx, req, refused); err != nil {
		return 0, nil, "", 0, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil, "", 0, ctx.Err()
		}
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // without the address
		}
		p := problem.Wrap(err, problem.AdministrationDown, s.name+" cannot be reached", s.next())
		return 0, nil, "", 0, p.Because(transport.Diagnose(err))
	}
	defer func() { _ = resp.Body.Close() }()
	pause, asked := transport.RetryAfter(resp.Header, time.Now())
	if !asked {
		pause = s.pause
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil, used, pause, nil
	}
	if body, err = transport.ReadAll(resp.Body, maxAnswer); err != nil {
		if ctx.Err() != nil {
			return 0, nil, "", 0, ctx.Err()
		}
		return 0, nil, "", 0, problem.Wrap(err, problem.AdministrationDown, "the answer of "+s.name+" cannot be read to its end", s.next())
	}
	return resp.StatusCode, body, used, pause, nil
}

func (s *service) down(why string) error {
	return problem.New(problem.AdministrationDown, s.name+" cannot be asked: "+why, s.next())
}

func (s *service) next() string {
	return "It is tried again at the next run; what was read before stays."
}

// decode reads an answer in JSON.
func (s *service) decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return s.down("it answered with something unreadable") // the cause could quote the answer
	}
	return nil
}

// pageOfRelations is a page of a list.
type pageOfRelations struct {
	items []any
	last  bool
}

// listPages reads all pages of a list, and makes a record of each item.
func listPages(ctx context.Context, paths fieldPaths, report *administration.Report, page func(n int) (pageOfRelations, error)) ([]administration.Record, error) {
	items := &itemRecords{paths: paths, report: report, references: map[string]int{}}
	for n := range maxPages {
		p, err := page(n)
		if err != nil {
			return nil, err
		}
		for _, item := range p.items {
			items.add(item)
		}
		if p.last {
			return items.records, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, problem.New(problem.AdministrationDown, fmt.Sprintf("the list has more than %d pages", maxPages), "Report this: no office has as many clients.")
}
