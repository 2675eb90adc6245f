package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/sandbox"
)

// learnArgs names the first n dossiers of a firm that a person filled in.
func learnArgs(f *sandbox.TemplateFirm, n int, more ...string) []string {
	args := []string{"mapping", "learn"}
	for _, d := range f.Dossiers[:n] {
		args = append(args, "--dossier", d.EnterpriseNumber.String())
	}
	return append(args, more...)
}

// TestLearnTheSandboxTemplates learns each of the sandbox's templates from one to three
// dossiers. No rubric that is called certain or likely is wrong; what is saved delivers
// the dossier that nobody filled in.
func TestLearnTheSandboxTemplates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	firms := map[sandbox.TemplateKind]*sandbox.TemplateFirm{}
	for _, kind := range sandbox.TemplateKinds() {
		made, err := f.sandbox.AddTemplateFirm(kind)
		if err != nil {
			t.Fatal(err)
		}
		firms[kind] = made
		f.signIn("allow", made.FirmID, "--firm", fmt.Sprint(made.FirmID)).want(t, 0, "Linked")
	}
	f.run("sync") // balansd writes all of them where the default mapping says, which is no evidence
	for kind, made := range firms {
		for n := 1; n <= 3; n++ {
			learnt := read[daemon.LearntMapping](t, f, 0, learnArgs(made, n)...)
			c := learnt.Candidates[0]
			if c.Target.Level != made.Level || made.Level == mapping.LevelReconciliation && c.Target.Handle != made.Handle {
				t.Errorf("%s from %d dossiers: %+v", kind, n, c.Target)
			}
			if v := c.Target.Values; v.Comma() != made.DecimalComma || v.WholeEuros() != made.WholeEuros {
				t.Errorf("%s from %d dossiers: %+v", kind, n, v)
			}
			if kind != sandbox.TemplateHidden && !slices.Contains(c.ReadBy, made.Handle) {
				t.Errorf("%s from %d dossiers: it is read by %v", kind, n, c.ReadBy)
			}
			for _, r := range c.Rubrics {
				if r.Property != "" && r.Property != made.Properties[r.Cell] {
					t.Errorf("%s from %d dossiers: %s is %s at %s, not %s", kind, n, r.Cell, r.Confidence, r.Property, made.Properties[r.Cell])
				}
			}
		}
		code := 0
		if made.Level == mapping.LevelReconciliation { // which needs other rights than the default
			code = 3
		}
		out := f.want(code, "Saved for", learnArgs(made, 3, "--save", "--yes")...)
		if code == 3 {
			if !strings.Contains(out.stderr, fmt.Sprintf("balansd connect silverfin --firm %d", made.FirmID)) {
				t.Errorf("%s: %s", kind, out.stderr)
			}
			f.signIn("allow", made.FirmID, "--firm", fmt.Sprint(made.FirmID)).want(t, 0, "Linked")
		}
		if !strings.Contains(out.stdout, "silverfin:\n  firms:\n    - id: "+fmt.Sprint(made.FirmID)) {
			t.Errorf("%s: %s", kind, out.stdout)
		}
	}
	for kind, made := range firms {
		empty := made.Dossiers[3]
		f.run("sync", "--dossier", empty.EnterpriseNumber.String())
		e := f.entries()[empty.Name]
		if e.State != ledger.Done || made.Level == mapping.LevelReconciliation && e.Target.ReconciliationID != empty.ReconciliationID {
			t.Errorf("%s: %s is %s %s, target %+v", kind, empty.Name, e.State, e.Reason, e.Target)
		}
	}
}

func TestLearnSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.want(2, "no dossier is named", "mapping", "learn")
	f.want(2, "is no number of a balance", "mapping", "learn", "--dossier", "#x")
	f.link()
	made, err := f.sandbox.AddTemplateFirm(sandbox.TemplateInputs)
	if err != nil {
		t.Fatal(err)
	}
	f.want(1, "no dossier is called", learnArgs(made, 1)...)
	f.signIn("allow", made.FirmID, "--firm", fmt.Sprint(made.FirmID)).want(t, 0, "Linked")
	f.run("sync")
	empty := made.Dossiers[3].EnterpriseNumber.String()
	f.want(3, "no place was found", "mapping", "learn", "--dossier", empty)
	f.want(2, "not in firm 99", learnArgs(made, 1, "--firm", "99")...)
	f.want(2, "there is no place 7", learnArgs(made, 1, "--candidate", "7")...)
	f.want(3, "would be changed; nothing was changed", learnArgs(made, 1, "--save")...)
}
