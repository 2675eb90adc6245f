package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/config"
	"balansd/problem"
	"balansd/service"
)

// logLines returns the lines of the service's log from a time on, oldest first, as JSON:
// from its file and the older ones beside it, else from the journal.
func (app *App) logLines(ctx context.Context, cfg *config.Config, since time.Time) (iter.Seq[[]byte], error) {
	file := ownLogFile(cfg)
	older, _ := filepath.Glob(strings.TrimSuffix(file, filepath.Ext(file)) + "-*" + filepath.Ext(file))
	slices.Sort(older)
	var files []string
	for _, f := range append(older, file) {
		if info, err := os.Stat(f); err == nil && info.ModTime().After(since) {
			files = append(files, f)
		}
	}
	if len(files) > 0 {
		return fileLines(files, since), nil
	}
	if runtime.GOOS != "linux" {
		return nil, problem.New(problem.NotFound, "there is no log of these days", "See log.file in the configuration.")
	}
	return journalLines(ctx, since)
}

// fileLines iterates over the lines of files that are not older.
func fileLines(files []string, since time.Time) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue
			}
			for line := range bytes.Lines(text) {
				if isNewer(line, since) && !yield(line) {
					return
				}
			}
		}
	}
}

// isNewer reports whether a line was written after a time. One without a time counts.
func isNewer(line []byte, since time.Time) bool {
	var at struct {
		Time time.Time `json:"time"`
	}
	return json.Unmarshal(line, &at) != nil || at.Time.IsZero() || at.Time.After(since)
}

// journalLines reads the journal of systemd.
func journalLines(ctx context.Context, since time.Time) (iter.Seq[[]byte], error) {
	c := exec.CommandContext(ctx, "journalctl", "--unit", service.Name, "--output", "json", "--since", "@"+strconv.FormatInt(since.Unix(), 10), "--no-pager") //nolint:gosec // the arguments are our own
	text, err := c.Output()
	if err != nil {
		return nil, problem.Wrap(err, problem.NotFound, "the journal cannot be read", "Call this as an administrator, with sudo.")
	}
	return func(yield func([]byte) bool) {
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if line := journalLine(lines.Bytes()); line != nil && !yield(line) {
				return
			}
		}
	}, nil
}

// journalLine returns an entry of the journal as the line that balansd wrote: its fields
// have a prefix there. One of systemd's own has its message.
func journalLine(entry []byte) []byte {
	var fields map[string]any
	if json.Unmarshal(entry, &fields) != nil {
		return nil
	}
	const prefix = "BALANSD_"
	line := map[string]any{}
	for key, value := range fields {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			line[strings.ToLower(name)] = value
		}
	}
	if line["message"] == nil {
		line["text"] = fields["MESSAGE"]
	}
	if us, err := strconv.ParseInt(asText(fields["__REALTIME_TIMESTAMP"]), 10, 64); err == nil {
		line["time"] = time.UnixMicro(us).UTC().Format(time.RFC3339Nano)
	}
	switch asText(fields["PRIORITY"]) {
	case "3":
		line["level"] = "error"
	case "4":
		line["level"] = "warn"
	}
	out, err := json.Marshal(line)
	if err != nil {
		return nil
	}
	return out
}

func asText(v any) string {
	s, _ := v.(string)
	return s
}
