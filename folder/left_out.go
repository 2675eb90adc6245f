package folder

import (
	"fmt"
	"path"
	"strings"

	"balansd/ledger"
)

// leftOutNames are files and folders that operating systems, NAS and office
// programs make for themselves, folded: recycle bins, copies, thumbnails. What a
// person deleted must not be delivered out of a recycle bin.
var leftOutNames = map[string]bool{
	"thumbs.db": true, "desktop.ini": true, "ehthumbs.db": true, "icon\r": true,
	"$recycle.bin": true, "recycler": true, "recycled": true, "system volume information": true, "lost+found": true,
	"#recycle": true, "@recycle": true, "@recently-snapshot": true, "#snapshot": true, "@eadir": true, "@tmp": true, "#eadir": true,
	"@sharesnap": true, "~snapshot": true, "_snapshot": true, "network trash folder": true, "temporary items": true, "trash": true,
	"dfsrprivate": true, "__macosx": true,
}

// leftOutEnds are the ends of names of uploads and downloads that are not
// finished, and of files that programs keep while they work.
var leftOutEnds = []string{
	".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".!ut", ".aria2",
	".lock", ".lck", ".swp", ".laccdb", ".bak~",
}

// leftOut reports whether a name is certainly nothing of ours: a hidden file, what
// a system or an office program leaves behind, an upload that is not finished.
func leftOut(name string) bool {
	folded := ledger.FoldName(name)
	if leftOutNames[folded] || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") || strings.HasPrefix(name, "~wrl") || strings.HasSuffix(name, "~") {
		return true
	}
	for _, end := range leftOutEnds {
		if strings.HasSuffix(folded, end) {
			return true
		}
	}
	return false
}

// CheckPattern returns why a pattern of Config.Ignore cannot be used, nil when it
// can.
func CheckPattern(pattern string) error {
	if strings.TrimSpace(pattern) == "" {
		return fmt.Errorf("it is empty")
	}
	_, err := path.Match(ledger.FoldName(strings.Trim(pattern, "/")), "x")
	return err
}

// patterns are those of Config.Ignore, folded.
type patterns []string

func newPatterns(list []string) patterns {
	p := make(patterns, 0, len(list))
	for _, text := range list {
		p = append(p, ledger.FoldName(strings.Trim(strings.ReplaceAll(text, `\`, "/"), "/")))
	}
	return p
}

// match reports whether a path within the source is left out: a pattern without a
// slash is for the name of a file or folder wherever it lies, one with a slash for
// the whole path.
func (p patterns) match(name string) bool {
	if len(p) == 0 {
		return false
	}
	folded := ledger.FoldName(name)
	base := path.Base(folded)
	for _, pattern := range p {
		text := base
		if strings.Contains(pattern, "/") {
			text = folded
		}
		if ok, err := path.Match(pattern, text); ok && err == nil {
			return true
		}
	}
	return false
}
