package localapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"balansd/daemon/daemontest"

	"github.com/rs/zerolog"
)

// memberRecorder sends requests to a handler, and records the JSON members of each
// request and answer, by path.
type memberRecorder struct {
	http.Handler
	members map[string]map[string]bool
}

func (m memberRecorder) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	m.ServeHTTP(answer, r)
	m.record(r.URL.Path+" request", body)
	for line := range bytes.Lines(answer.Body.Bytes()) {
		m.record(r.URL.Path+" answer", line)
	}
	return answer.Result(), nil
}

// record records the members of an object, or of the objects in a list.
func (m memberRecorder) record(name string, text []byte) {
	var list []map[string]json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		list = make([]map[string]json.RawMessage, 1)
		_ = json.Unmarshal(text, &list[0])
	}
	if m.members[name] == nil {
		m.members[name] = map[string]bool{}
	}
	for _, object := range list {
		for member := range object {
			m.members[name][member] = true
		}
	}
}

// TestCompatibility: requests and answers keep the members that are in
// testdata/v1_members.txt. New ones may be added there; none may go.
func TestCompatibility(t *testing.T) {
	recorder := memberRecorder{New(Config{API: fakeAPI{&daemontest.API{}}, Log: zerolog.Nop()}), map[string]map[string]bool{}}
	for _, call := range cases {
		call(t.Context(), newClient(recorder, ""))
	}
	text, err := os.ReadFile("testdata/v1_members.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, members, _ := strings.Cut(line, ":")
		for _, member := range strings.Fields(members) {
			if !recorder.members[name][member] {
				t.Errorf("the %s has no %q any more; it has %q", name, member, slices.Sorted(maps.Keys(recorder.members[name])))
			}
		}
	}
}
