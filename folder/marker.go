package folder

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"crypto/sha256"
	"encoding/hex"

	"balansd/problem"
)

// marker is what the last listing found of the folder as a whole: the cursor of
// the source. A folder that held files and is empty now is no folder without
// files, but one whose disk is missing: nothing is concluded from it.
type marker struct {
	files  int
	on     string // the device; "-" where the system does not say
	path   string // of the folder, hashed: another folder is no lost one
	listed string // the day, for people
}

// markerForm is how a marker is written.
const markerForm = "1 %d %s %s %s"

// String writes the marker as a cursor.
func (m marker) String() string { return fmt.Sprintf(markerForm, m.files, m.on, m.path, m.listed) }

// parseMarker reads a cursor. One of an earlier version is no marker.
func parseMarker(cursor string) (m marker) {
	if _, err := fmt.Sscanf(cursor, markerForm, &m.files, &m.on, &m.path, &m.listed); err != nil {
		return marker{}
	}
	return m
}

// markerOf makes the marker of a listing.
func markerOf(cfg Config, files int, now time.Time) marker {
	sum := sha256.Sum256([]byte(filepath.Clean(cfg.Path)))
	return marker{files: files, on: deviceOf(cfg.Path), path: hex.EncodeToString(sum[:6]), listed: now.Format(time.DateOnly)}
}

// deviceOf names the device that a folder is on.
func deviceOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "-"
	}
	if id := identify(fs.FileInfo(info)); id.device != 0 {
		return strconv.FormatUint(id.device, 16)
	}
	return "-"
}

// lost returns a problem when the folder held files before and holds none now.
func (m marker) lost(cfg Config, now marker) error {
	if m.files == 0 || now.files > 0 || m.path != now.path {
		return nil
	}
	what := fmt.Sprintf("the folder %s of source %s is empty, and held %d files on %s: its disk or share may not be mounted", cfg.Path, cfg.Name, m.files, m.listed)
	if m.on != now.on && m.on != "-" && now.on != "-" {
		what = fmt.Sprintf("the folder %s of source %s is not mounted: it is empty and on another disk than on %s, when it held %d files", cfg.Path, cfg.Name, m.listed, m.files)
	}
	return problem.New(problem.FolderDown, what, "").Because(problem.NotMounted,
		"Mount it; nothing is concluded from the empty folder. If it was emptied on purpose, put any file into it, such as a note.")
}
