package administration_test

import (
	"encoding/json"
	"testing"

	"balansd/administration"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	both := administration.Text{"nl": "Wetstraat", "fr": "Rue de la Loi"}
	for _, c := range []struct {
		text           administration.Text
		language, want string
	}{
		{both, "fr", "Rue de la Loi"},
		{both, "de", "Wetstraat"},
		{administration.Text{"": "Rue de la Loi", "nl": ""}, "nl", "Rue de la Loi"},
		{nil, "nl", ""},
	} {
		if got := c.text.In(c.language); got != c.want {
			t.Errorf("%v in %s is %q, want %q", c.text, c.language, got, c.want)
		}
	}
	same := administration.Text{"nl": "Acme", "fr": "Acme", "de": ""}
	if diff := cmp.Diff([]string{"Acme"}, same.All()); diff != "" {
		t.Error(diff)
	}
}

func TestReportLeave(t *testing.T) {
	var r administration.Report
	for line := range administration.MaxExamples + 5 {
		r.Leave(administration.LeftAside{Reason: administration.Doubled, Line: line + 1})
	}
	r.Leave(administration.LeftAside{Reason: administration.DamagedNumber, Value: "0123"})
	want := map[administration.Reason]int{administration.Doubled: administration.MaxExamples + 5, administration.DamagedNumber: 1}
	if diff := cmp.Diff(want, r.Left); diff != "" || len(r.Examples) != administration.MaxExamples+1 {
		t.Errorf("%d examples, %s", len(r.Examples), diff)
	}
}

// TestRecordAsJSON holds a record together when it is saved.
func TestRecordAsJSON(t *testing.T) {
	r := administration.Record{Reference: "7", EnterpriseNumber: "0402754886", Names: administration.Text{"nl": "Acme"},
		Known: []administration.Field{administration.Name}, Directors: []administration.Person{{Name: "Peeters"}}}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back administration.Record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Error(diff)
	}
}
