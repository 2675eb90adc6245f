package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"balansd/config"
	"balansd/problem"
	"balansd/recovery"
	"balansd/store"
)

// recoverySuffix ends the names of recovery files.
const recoverySuffix = "-with-key.age"

// keyExists returns a NotFound problem if there is no data key yet.
func keyExists(cfg *config.Config) error {
	if _, err := os.Stat(cfg.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "there is no data key in "+cfg.KeyFile,
			"It is made when the first firm is linked: balansd connect silverfin. Was there one before, bring it back: balansd key import FILE.")
	}
	return nil
}

// writeRecovery writes a recovery file and reads it back. backup is the path of the backup
// in it, empty for the key alone. A file that exists is never replaced.
func (app *App) writeRecovery(path string, cfg *config.Config, passphrase, backup string) error {
	key, err := store.ReadKey(cfg.KeyFile)
	if err != nil {
		return err
	}
	c := recovery.Contents{Key: key, MadeAt: time.Now().UTC().Truncate(time.Second), Version: app.version(), System: runtime.GOOS}
	var size int64
	var state *os.File
	if backup != "" {
		c.State, c.Config = filepath.Base(backup), cfg.File()
		if c.Files, err = loadFiles(cfg.Files()); err != nil {
			return err
		}
		if state, err = os.Open(backup); err != nil {
			return err
		}
		defer func() { _ = state.Close() }()
		info, err := state.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	// Only its owner can read it, and it has its name once it is whole.
	f, err := os.CreateTemp(filepath.Dir(path), ".balansd-recovery-*")
	if err != nil {
		return notWritten(path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	sum := sha256.New()
	err = recovery.Write(f, recovery.Passphrase{Text: passphrase, Work: app.env.passphraseWork}, c, io.TeeReader(stateReader(state), sum), size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return notWritten(path, err)
	}
	if err := readBack(f.Name(), passphrase, c, sum.Sum(nil)); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return fileExists(path)
	} else if err != nil { // a file system without hard links
		if _, err := os.Lstat(path); err == nil {
			return fileExists(path)
		}
		if err := os.Rename(f.Name(), path); err != nil {
			return notWritten(path, err)
		}
	}
	return nil
}

func stateReader(f *os.File) io.Reader {
	if f == nil {
		return strings.NewReader("")
	}
	return f
}

func fileExists(path string) error {
	return problem.New(problem.Conflict, fmt.Sprintf("the file %s exists already", path), "Name another file.")
}

func notWritten(path string, err error) error {
	return problem.Wrap(err, problem.StateUnwritable, fmt.Sprintf("the file %s cannot be written", path),
		"Name a folder that you may write to, on a disk that has room.")
}

// readBack compares a file that was just written with what was to be in it.
func readBack(path, passphrase string, c recovery.Contents, sum []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r, err := recovery.Open(f, passphrase)
	if err != nil {
		return err
	}
	h := sha256.New()
	if err := r.CopyState(h); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), sum) || !bytes.Equal(r.Key, c.Key) || len(r.Files) != len(c.Files) {
		return notWritten(path, errors.New("it does not hold what was written"))
	}
	return nil
}

func loadFiles(paths []string) ([]recovery.File, error) {
	files := make([]recovery.File, len(paths))
	for i, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, problem.Wrap(err, problem.NotAllowed, "a file of the configuration cannot be read",
				"Call this as an administrator, with sudo.")
		}
		files[i] = recovery.File{Path: path, Content: content}
	}
	return files, nil
}

// openRecovery asks for the passphrase and opens a recovery file, which the caller closes
// by calling done.
func (app *App) openRecovery(path, passphraseFile string) (r *recovery.Reader, done func(), err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, problem.New(problem.NotFound, "there is no file "+path, "Check its name.")
	}
	if err != nil {
		return nil, nil, problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("the file %s cannot be read", path), "Call this as an administrator, with sudo.")
	}
	done = func() { _ = f.Close() }
	passphrase, err := app.askPassphrase(passphraseFile, false)
	if err == nil {
		r, err = recovery.Open(f, passphrase)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return r, done, nil
}

// isRecovery reports whether a file is a recovery file.
func isRecovery(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	begin := make([]byte, 100)
	n, _ := io.ReadFull(f, begin)
	return recovery.Is(begin[:n])
}

// withRecoveredState writes the state of a recovery file to a temporary file in a folder
// that only this account can use, and removes it afterwards.
func withRecoveredState(r *recovery.Reader, folder string, do func(path string) error) error {
	if r.State == "" {
		return problem.New(problem.NotFound, "the file holds the data key alone, no state", "Bring the key back: balansd key import FILE.")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return notWritten(folder, err)
	}
	dir, err := os.MkdirTemp(folder, ".recovered-*")
	if err != nil {
		return notWritten(folder, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, filepath.Base(filepath.FromSlash(r.State)))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return notWritten(path, err)
	}
	err = r.CopyState(f)
	if err = errors.Join(err, f.Close()); err != nil {
		if problem.Of(err).Code == problem.Unexpected {
			err = notWritten(path, err)
		}
		return err
	}
	return do(path)
}

// missingFile is a file of the old server that this one does not have.
type missingFile struct {
	path    string
	content []byte
}

// missingFiles returns the configuration file and the files that it names as far as they
// are not here. Those of the folder of the configuration file belong into the folder of
// target, which is the configuration file here.
func missingFiles(r *recovery.Reader, target string) []missingFile {
	var missing []missingFile
	sep := string(filepath.Separator)
	old := r.Config[:strings.LastIndexAny(r.Config, `/\`)+1]
	for _, f := range r.Files {
		path := f.Path
		switch rest, inside := strings.CutPrefix(f.Path, old); {
		case f.Path == r.Config:
			path = target
		case inside && old != "":
			path = filepath.Join(filepath.Dir(target), strings.NewReplacer("/", sep, `\`, sep).Replace(rest))
		case r.System != runtime.GOOS:
			continue // a path of another system
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, missingFile{path, f.Content})
		}
	}
	return missing
}

// restoreFiles asks, and puts back the files that are not here.
func (app *App) restoreFiles(r *recovery.Reader, yes bool) error {
	target, _, err := config.FindFile(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ})
	if err != nil {
		return err
	}
	missing := missingFiles(r, target)
	if len(missing) == 0 {
		return nil
	}
	app.printStderr("These files are not on this server, and are in the file:\n")
	for _, f := range missing {
		app.printStderr("  %s\n", clean(f.path))
	}
	if !yes {
		if ok, err := app.confirm("Put them back?"); err != nil || !ok {
			return errors.Join(err, errNotConfirmed)
		}
	}
	for _, f := range missing {
		err := os.MkdirAll(filepath.Dir(f.path), 0o750)
		if err == nil {
			err = replaceFile(f.path, f.content)
		}
		if err != nil {
			return notWritten(f.path, err)
		}
	}
	return nil
}

// restoreRecovery restores a server from a recovery file: files that are missing, the
// state and its key.
func (app *App) restoreRecovery(ctx context.Context, file, passphraseFile string, loseNewer, yes bool) error {
	r, done, err := app.openRecovery(file, passphraseFile)
	if err != nil {
		return err
	}
	defer done()
	if r.State != "" {
		if err := app.restoreFiles(r, yes); err != nil {
			return app.unconfirmed(err)
		}
	}
	cfg, err := app.config()
	if err != nil {
		return err
	}
	return withRecoveredState(r, filepath.Dir(cfg.StateFile), func(path string) error {
		return app.restore(ctx, cfg, restoreRequest{file: path, name: filepath.Base(file), key: r.Key, loseNewer: loseNewer, yes: yes})
	})
}

// unconfirmed prints that nothing was changed if a person did not confirm, which is no
// error.
func (app *App) unconfirmed(err error) error {
	if !errors.Is(err, errNotConfirmed) {
		return err
	}
	app.printf("Nothing was changed.\n")
	return nil
}
