package cli

import "testing"

// TestTargetIsChecked has two rubrics land in one property, which only the
// client of Silverfin can tell.
func TestTargetIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.rewrite("client_secret_file: silverfin.secret,", `client_secret_file: silverfin.secret, target: {map: {"1003": a.b, "1021": a.b}},`)
	w.want(2, "rubrics 1003 and 1021 share the property a.b", "config", "check")
}
