package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
)

// surveyTimeout is how long doctor looks through one folder.
const surveyTimeout = 2 * time.Minute

// checkFolders looks through each source folder, and adds what the service found when
// it listed it last.
func (x *examination) checkFolders(ctx context.Context) []daemon.Check {
	all, err := x.connections(ctx)
	if err != nil {
		all = nil // checkState says what is wrong with it
	}
	folders := append(slices.Clone(x.cfg.Folders), foldersOf(all)...)
	if len(folders) == 0 {
		return nil
	}
	reader, err := newDocumentReader(x.cfg)
	if err != nil {
		return one(daemon.NewCheck("folders", "", err))
	}
	// What the service found says nothing while no service runs.
	listed := map[string]ledger.Connection{}
	for _, c := range all {
		if x.node != nil && (c.Kind == ledger.Folder && !c.ListedAt.IsZero() || c.Problem != "") {
			listed[c.ID] = c
		}
	}
	o := nodeOptions{version: x.app.version(), log: x.log}
	if x.node != nil {
		o = x.node.options
	}
	list := make([][]daemon.Check, len(folders))
	var surveys sync.WaitGroup
	for i, f := range folders {
		surveys.Go(func() {
			name := "folder " + f.Name
			list[i] = runCheck(ctx, surveyTimeout, name, func(ctx context.Context) []daemon.Check {
				fc := folderConfig(x.cfg, f, reader, o)
				fc.Hint = o.folderHint
				text, err := checkFolder(ctx, fc, listed[f.Name])
				return one(daemon.NewCheck(name, text, err))
			})
		})
	}
	surveys.Wait()
	return slices.Concat(list...)
}

// connections returns the connections that the state has.
func (x *examination) connections(ctx context.Context) ([]ledger.Connection, error) {
	if x.node != nil {
		return x.node.Connections(ctx)
	}
	return x.app.storedConnections(ctx, x.cfg)
}

// checkFolder says what a folder holds, and what is in the way of its listing.
func checkFolder(ctx context.Context, fc folder.Config, listed ledger.Connection) (string, error) {
	path := fc.Path
	if listed.Problem != "" {
		return "", problem.New(problem.FolderDown, "the service could not list it: "+listed.Problem,
			"Let the account of the service reach and read "+path+"; it is tried again at the next run.")
	}
	src, err := folder.New(fc)
	if err != nil {
		return "", err
	}
	report, err := src.Survey(ctx)
	switch {
	case err != nil && errors.Is(err, context.DeadlineExceeded):
		text := fmt.Sprintf("%s can be read; it holds more than could be looked through in %s", path, surveyTimeout)
		if listed.Folder != nil {
			text += "; the service found " + folderText(*listed.Folder)
		}
		return text, nil
	case err != nil:
		return "", err
	}
	text := fmt.Sprintf("%s can be read: %s. Taken for: %s.", path, folderText(report), report.Taken)
	if listed.Folder != nil {
		text += fmt.Sprintf(" When it was listed last, it had %s.", counted(listed.Folder.Files, "file", "files"))
		report.Problems, report.Postponed, report.More = listed.Folder.Problems, listed.Folder.Postponed, listed.Folder.More
	}
	if len(report.Problems) == 0 {
		return text, nil
	}
	return "", problem.New(problem.NeedsPerson, text+" "+strings.Join(report.Problems[:1], " "),
		moreProblems(len(report.Problems)-1+report.More))
}

// moreProblems says where the other problems of a folder are.
func moreProblems(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("There are %d more such files or folders: balansd status lists them.", n)
}

// kindNames are what the kinds of files are called: one of them, and several.
var kindNames = map[folder.Kind][2]string{
	folder.Accounts:    {"annual accounts without a social balance", "annual accounts without a social balance"},
	folder.PDF:         {"other PDF", "other PDFs"},
	folder.Word:        {"Word document", "Word documents"},
	folder.Spreadsheet: {"spreadsheet", "spreadsheets"},
	folder.Picture:     {"picture", "pictures"},
	folder.Mail:        {"mail", "mails"},
	folder.Archive:     {"archive", "archives"},
	folder.Text:        {"text or other data", "texts or other data"},
	folder.Other:       {"file of another kind", "files of other kinds"},
}

// folderText says what a folder holds, such as "241 files: 1 social balance; not a
// social balance: 120 Word documents, 120 pictures".
func folderText(r ledger.FolderReport) string {
	parts := []string{counted(r.Balances, "social balance", "social balances")}
	if r.ByNumber > 0 {
		parts = append(parts, fmt.Sprintf("%d matched by the number inside", r.ByNumber))
	}
	if r.Unusable > 0 {
		parts = append(parts, fmt.Sprintf("%d that cannot be read", r.Unusable))
	}
	if r.Postponed > 0 {
		parts = append(parts, fmt.Sprintf("%d not looked at", r.Postponed))
	}
	text := counted(r.Files, "file", "files") + ": " + strings.Join(parts, ", ")
	var others []string
	for _, k := range folder.Kinds() {
		if n := r.Others[string(k)]; n > 0 {
			names := kindNames[k]
			others = append(others, counted(n, names[0], cmp.Or(names[1], names[0])))
		}
	}
	if len(others) > 0 {
		text += "; not a social balance: " + strings.Join(others, ", ")
	}
	if r.LeftOut > 0 {
		text += fmt.Sprintf("; %d left out, such as recycle bins and unfinished uploads", r.LeftOut)
	}
	return text
}

// counted counts things in words.
func counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
