package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"balansd/problem"
	"balansd/sandbox/faults"
	"balansd/sandbox/finbox"
	"balansd/sandbox/silverfin"

	"github.com/rs/zerolog"
)

// saveDelay is how long a change may wait before it is on disk, so that a
// thousand calls are not a thousand files.
const saveDelay = 300 * time.Millisecond

// A stateFile is the file that holds the state of one service.
type stateFile struct {
	file     string
	snapshot func() ([]byte, error)
	restore  func([]byte) error
	last     []byte // what is on disk
}

// A stateFiles saves both services of a sandbox in a folder: a snapshot of each,
// and a growing log of their calls.
type stateFiles struct {
	log   zerolog.Logger
	sides []*stateFile
	files []*os.File
	dirty chan struct{}
	stop  chan struct{}
	done  sync.WaitGroup
	saveM sync.Mutex
}

// openFiles restores what the folder holds and starts to save changes.
func openFiles(dir string, f *finbox.Finbox, s *silverfin.Silverfin, log zerolog.Logger) (*stateFiles, error) {
	unusable := func(err error) error {
		return problem.Wrap(err, problem.StateUnwritable, fmt.Sprintf("the sandbox cannot use the folder %.200q", dir),
			"Give a folder that can be written, or an empty one.")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(err)
	}
	k := &stateFiles{log: log, dirty: make(chan struct{}, 1), stop: make(chan struct{}), sides: []*stateFile{
		{file: filepath.Join(dir, "finbox.json"), snapshot: f.Snapshot, restore: f.Restore},
		{file: filepath.Join(dir, "silverfin.json"), snapshot: s.Snapshot, restore: s.Restore},
	}}
	for _, side := range k.sides {
		data, err := os.ReadFile(side.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = side.restore(data)
		}
		if err != nil {
			return nil, problem.Wrap(err, problem.StateDamaged, fmt.Sprintf("the sandbox cannot go on from %.200q", side.file),
				"Remove the file, or give another folder, to start afresh.")
		}
		side.last = data
	}
	for name, injector := range map[string]*faults.Injector{"finbox-calls.jsonl": f.Faults(), "silverfin-calls.jsonl": s.Faults()} {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			k.closeFiles()
			return nil, unusable(err)
		}
		k.files = append(k.files, file)
		injector.OnCall(k.appendCall(file))
	}
	k.done.Go(k.run)
	return k, nil
}

// appendCall returns a function that appends a call to a log file. Each line is
// one Write, so that lines stay whole.
func (k *stateFiles) appendCall(file *os.File) func(faults.Call) {
	return func(c faults.Call) {
		if line, err := json.Marshal(c); err == nil {
			_, _ = file.Write(append(line, '\n'))
		}
		k.changed()
	}
}

// changed asks for a save soon.
func (k *stateFiles) changed() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *stateFiles) run() {
	for {
		select {
		case <-k.stop:
			return
		case <-k.dirty:
		}
		wait := time.NewTimer(saveDelay)
		select {
		case <-k.stop:
			wait.Stop()
			return
		case <-wait.C:
		}
		if err := k.save(); err != nil {
			k.log.Error().Err(err).Msg("the sandbox could not save its state")
		}
	}
}

// save writes what changed. A file is whole or old, never half.
func (k *stateFiles) save() error {
	k.saveM.Lock()
	defer k.saveM.Unlock()
	var errs []error
	for _, side := range k.sides {
		data, err := side.snapshot()
		if err == nil && !bytes.Equal(data, side.last) {
			if err = replaceFile(side.file, data); err == nil {
				side.last = data
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func replaceFile(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// close stops saving after a last save.
func (k *stateFiles) close() error {
	close(k.stop)
	k.done.Wait()
	err := k.save()
	k.closeFiles()
	return err
}

func (k *stateFiles) closeFiles() {
	for _, f := range k.files {
		_ = f.Close()
	}
}
