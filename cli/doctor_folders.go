package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/config"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
)

// surveyTimeout is how long doctor looks through one folder.
const surveyTimeout = 2 * time.Minute

// checkFolders looks through each source folder, and adds what the service found when
// it listed it last.
func (app *App) checkFolders(ctx context.Context, cfg *config.Config) []checkResult {
	all, running, err := app.storedConnections(ctx, cfg)
	if err != nil {
		all = nil // checkState says what is wrong with it
	}
	folders := append(slices.Clone(cfg.Folders), foldersOf(all)...)
	if len(folders) == 0 {
		return nil
	}
	reader, err := newDocumentReader(cfg)
	if err != nil {
		return []checkResult{newCheckResult("folders", "", err)}
	}
	// What the service found says nothing while no service runs.
	listed := map[string]ledger.Connection{}
	for _, c := range all {
		if running && (c.Kind == ledger.Folder && !c.ListedAt.IsZero() || c.Problem != "") {
			listed[c.ID] = c
		}
	}
	list := make([]checkResult, 0, len(folders))
	for _, f := range folders {
		name := "folder " + f.Name
		src, err := folder.New(folderConfig(cfg, f, reader, nodeOptions{version: app.version(), log: app.quietLog(cfg)}))
		if err != nil {
			list = append(list, newCheckResult(name, "", err))
			continue
		}
		text, err := checkFolder(ctx, src, f.Path, listed[f.Name])
		list = append(list, newCheckResult(name, text, err))
	}
	return list
}

// checkFolder says what a folder holds, and what is in the way of its listing.
func checkFolder(ctx context.Context, src *folder.Source, path string, listed ledger.Connection) (string, error) {
	if listed.Problem != "" {
		return "", problem.New(problem.FolderDown, "the service could not list it: "+listed.Problem,
			"Let the account of the service reach and read "+path+"; it is tried again at the next run.")
	}
	within, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	report, err := src.Survey(within)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
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
		text += fmt.Sprintf(" The service can read it too, and found %s.", counted(listed.Folder.Files, "file", "files"))
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
