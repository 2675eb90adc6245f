package faults

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// acting counts how often the server behind the faults handled a request.
func acting(t *testing.T, f *Injector) (url string, acted *atomic.Int64) {
	acted = &atomic.Int64{}
	server := httptest.NewServer(f.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		acted.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"answer":"`+strings.Repeat("x", 200)+`"}`)
	})))
	t.Cleanup(server.Close)
	return server.URL, acted
}

// get makes one call on a new connection, so that the transport does not retry it.
func get(t *testing.T, url string) (status int, body string, header http.Header, err error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header, err
}

func TestFaultKinds(t *testing.T) {
	for _, c := range []struct {
		kind   Kind
		status int  // 0 if there is no response
		acted  bool // the server handled the request
		says   string
		broken bool // reading the body fails
	}{
		{Unauthorized, 401, false, `"error"`, false},
		{Forbidden, 403, false, `"error"`, false},
		{NotFound, 404, false, `"error"`, false},
		{Conflict, 409, false, `"error":"`, false},
		{UnprocessableError, 422, false, `"error":"`, false},
		{UnprocessableErrors, 422, false, `"errors":[`, false},
		{TooMany, 429, false, "", false},
		{TooManyRetryAfter, 429, false, "", false},
		{ServerError, 500, false, "<html>", false},
		{LostBefore, 0, false, "", true},
		{LostAfter, 0, true, "", true},
		{Slow, 200, true, `"answer"`, false},
		{Truncated, 200, true, "", true},
		{NotJSON, 200, false, "<html>", false},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			f := New(time.Now)
			f.Add(Fault{Kind: c.kind, RetryAfter: "7", DelayMS: 1})
			url, acted := acting(t, f)
			status, body, header, err := get(t, url+"/a")
			if status != c.status || c.broken != (err != nil) || !strings.Contains(body, c.says) {
				t.Errorf("status %d, error %v, body %q", status, err, body)
			}
			if (acted.Load() == 1) != c.acted {
				t.Errorf("the server acted %d times", acted.Load())
			}
			if got := header.Get("Retry-After"); (got == "7") != (c.kind == TooManyRetryAfter) {
				t.Errorf("Retry-After is %q", got)
			}
			if log := f.Log(); len(log) != 1 || log[0].Fault != string(c.kind) || log[0].Status != c.status {
				t.Errorf("log %+v", log)
			}
			if status, _, _, err := get(t, url+"/a"); status != 200 || err != nil {
				t.Errorf("the call after the fault: %d, %v", status, err)
			}
		})
	}
	if len(Kinds()) != 14 {
		t.Errorf("%d kinds, and not each is tried here", len(Kinds()))
	}
}

func TestFaultSelectsCalls(t *testing.T) {
	f := New(time.Now)
	h := f.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	call := func(method, path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Code
	}
	f.Add(Fault{Method: "POST", Path: "/companies/*/periods", Nth: 2, Times: 2, Kind: Conflict})
	f.Add(Fault{Path: "/token", Times: -1, Kind: Forbidden})
	var got []int
	for _, c := range [][2]string{
		{"POST", "/companies/1/periods"}, {"GET", "/companies/1/periods"}, {"POST", "/companies/2/periods"},
		{"POST", "/companies/3/other"}, {"POST", "/companies/3/periods"}, {"POST", "/companies/3/periods"},
		{"GET", "/token/x"}, {"POST", "/token"},
	} {
		got = append(got, call(c[0], c[1]))
	}
	want := []int{204, 204, 409, 204, 409, 204, 403, 403}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("call %d answers %d, want %d", i, got[i], want[i])
		}
	}
	f.Clear()
	if got := call("GET", "/token"); got != 204 {
		t.Errorf("after Clear: %d", got)
	}
	if n := f.Count(func(c Call) bool { return c.Fault != "" }); n != 4 {
		t.Errorf("the log counts %d faults", n)
	}
}

func TestRequestLog(t *testing.T) {
	f := New(time.Now)
	h := f.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a?code=SECRET&client_secret=SECRET&page=2", nil))
	if q := f.Log()[0].Query; strings.Contains(q, "SECRET") || !strings.Contains(q, "page=2") {
		t.Errorf("query %q", q)
	}
	for range maxCalls {
		f.record(Call{Path: "/b"})
	}
	f.record(Call{Path: "/c"})
	log := f.Log()
	if len(log) != maxCalls || log[0].Path != "/b" || log[maxCalls-1].Path != "/c" || f.Total() != maxCalls+2 {
		t.Errorf("%d calls, first %s, last %s, total %d", len(log), log[0].Path, log[len(log)-1].Path, f.Total())
	}
	f.ResetLog()
	if len(f.Log()) != 0 || f.Total() != maxCalls+2 {
		t.Error("ResetLog keeps calls or forgets the total")
	}
}

func TestLatencyAndSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(time.Now)
		h := f.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 160)) }))
		f.SetLatency(20 * time.Millisecond)
		start := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("one call took %s", took)
		}
		f.SetLatency(0)
		f.Add(Fault{Kind: Slow, DelayMS: 1000})
		start = time.Now()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if took := time.Since(start); took < 10*time.Second || w.Body.Len() != 160 {
			t.Errorf("%d slow bytes took %s", w.Body.Len(), took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.SetLatency(time.Hour)
		start = time.Now()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		if took := time.Since(start); took != time.Second {
			t.Errorf("a caller that went away was kept for %s", took)
		}
	})
}

func TestFaultCheckAndJSON(t *testing.T) {
	for _, bad := range []string{`{"kind":"weird"}`, `{"kind":"slow","path":"["}`, `{"kind":"slow","times":-2}`, `{"kind":"slow","nth":-1}`, `{}`} {
		var f Fault
		if err := json.Unmarshal([]byte(bad), &f); err != nil || f.Check() == nil {
			t.Errorf("%s passes the check (%v)", bad, err)
		}
	}
	var f Fault
	err := json.Unmarshal([]byte(`{"method":"GET","path":"/v1/","nth":2,"times":-1,"kind":"too_many_retry_after","retry_after":"3"}`), &f)
	if want := (Fault{Method: "GET", Path: "/v1/", Nth: 2, Times: -1, Kind: TooManyRetryAfter, RetryAfter: "3"}); err != nil || f != want {
		t.Errorf("read %+v, %v", f, err)
	}
}
