package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	need "balansd/internal/testenv"
	"balansd/ledger"
)

const monitoring = "packaging/prometheus"

// metricNames returns the names of the metrics that the web pages have.
func metricNames(t *testing.T) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`desc\("([a-z_]+)"`).FindAllStringSubmatch(string(readFile(t, "portal/metrics.go")), -1) {
		names = append(names, "balansd_"+m[1])
	}
	if len(names) < 10 {
		t.Fatalf("only %v was found", names)
	}
	return names
}

// TestMonitoringHasMetrics checks that each metric and each kind of condition in the alert
// rules and the Grafana board exists, and that the board shows every metric.
func TestMonitoringHasMetrics(t *testing.T) {
	names := metricNames(t)
	metric := regexp.MustCompile(`balansd_[a-z_]+`)
	var kinds []string
	for _, k := range ledger.ConditionKinds() {
		kinds = append(kinds, string(k))
	}
	kind := regexp.MustCompile(`kind=~?\\?"([a-z_|]+)\\?"`)
	for _, file := range []string{"balansd.rules.yaml", "balansd.rules.test.yaml", "grafana-balansd.json"} {
		text := string(readFile(t, monitoring+"/"+file))
		for _, name := range metric.FindAllString(text, -1) {
			if !slices.Contains(names, name) {
				t.Errorf("%s has %s, which is no metric", file, name)
			}
		}
		for _, m := range kind.FindAllStringSubmatch(text, -1) {
			for k := range strings.SplitSeq(m[1], "|") {
				if !slices.Contains(kinds, k) {
					t.Errorf("%s has the kind %s, which is none", file, k)
				}
			}
		}
	}
	board := string(readFile(t, monitoring+"/grafana-balansd.json"))
	for _, name := range names {
		if name != "balansd_build_info" && !strings.Contains(board, name) {
			t.Errorf("the board does not show %s", name)
		}
	}
}

// TestGrafanaBoard checks what Grafana needs of a board to import it.
func TestGrafanaBoard(t *testing.T) {
	var board struct {
		Title         string
		UID           string
		SchemaVersion int
		Panels        []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(readFile(t, monitoring+"/grafana-balansd.json"), &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.UID == "" || board.SchemaVersion == 0 || len(board.Panels) == 0 {
		t.Errorf("the board is %+v", board)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Type == "" || p.Title == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %d is %+v", p.ID, p)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %q at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestAlertRules has Prometheus's own tool check the alert rules, and run their tests.
func TestAlertRules(t *testing.T) {
	need.Need(t, need.Packages, "promtool")
	for _, args := range [][]string{{"check", "rules", "balansd.rules.yaml"}, {"test", "rules", "balansd.rules.test.yaml"}} {
		c := exec.CommandContext(t.Context(), "promtool", args...)
		c.Dir = filepath.FromSlash(monitoring)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
