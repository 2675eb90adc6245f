package store

import (
	"errors"
	"fmt"

	"balansd/ledger"
	"balansd/problem"
)

func locked(path string) error {
	return problem.New(problem.StateLocked,
		fmt.Sprintf("the state file %s is in use by %s", path, readLockOwner(path)),
		"Wait until it ends, or stop it.")
}

func missing(path string) error {
	return problem.New(problem.NotFound, fmt.Sprintf("there is no state file %s", path),
		"Check state in the configuration, or start balansd once so that it makes the file.")
}

func damaged(path string, cause error) error {
	return problem.Wrap(cause, problem.StateDamaged,
		fmt.Sprintf("the state file %s is damaged", path),
		"Stop balansd and put the newest backup in its place: `balansd backup list`, then `balansd backup restore FILE`; "+
			"it keeps the damaged file aside, and balances delivered since are recognised in Silverfin and not written again.")
}

func badBackup(path string, cause error) error {
	what := fmt.Sprintf("the backup %s cannot be used", path)
	if p, ok := errors.AsType[*problem.Problem](cause); ok {
		if p.Code != problem.StateDamaged || p.What == what {
			return p
		}
		cause = p.Err
	}
	return problem.Wrap(cause, problem.StateDamaged, what, "Use another one: `balansd backup list`.")
}

func noSuchBackup(path string) error {
	return problem.New(problem.NotFound, fmt.Sprintf("there is no backup %s", path), "See which there are: `balansd backup list`.")
}

func backupFailed(folder string, cause error) error {
	return problem.Wrap(cause, problem.StateUnwritable,
		fmt.Sprintf("no backup can be made in %s", folder),
		"Free space on its disk, or let balansd's account write to the folder; or name another folder as backup.folder in the configuration. "+
			"The backups that are there stay.")
}

func unwritable(path string, cause error) error {
	what, next := refusalOf(cause).advice()
	return problem.Wrap(cause, problem.StateUnwritable, path+" "+what, next)
}

// refusal is a kind of error of a disk or of this process, as opposed to damage of a file.
type refusal int

const (
	noRefusal refusal = iota
	readOnlyDisk
	failingDisk
	fullDisk
	noMoreFiles
	noMoreMemory
	noLocks
)

// DiskRefuses reports whether an error of the operating system says that a disk is
// full, read-only or failing.
func DiskRefuses(err error) bool {
	r := refusalOf(err)
	return r == fullDisk || r == readOnlyDisk || r == failingDisk
}

// advice returns what happened to a file, as the end of a sentence, and what to do.
func (r refusal) advice() (what, next string) {
	const kept = "Nothing of this step was kept; it is done again in the next run."
	switch r {
	case readOnlyDisk:
		return "cannot be written: its file system is read-only",
			"Linux makes a file system read-only after an error of its disk: look at the messages of the kernel (`journalctl -k`), mend the disk, " +
				"and mount it for writing again. What the state holds is not lost by that: restore no backup for it."
	case failingDisk:
		return "cannot be reached: its disk or share does not answer, or reports an error",
			"Look at the disk and at the messages of the system before anything else. Restore a backup only once the disk is sound, or to another one."
	case fullDisk:
		return "cannot be written: its disk is full", "Free space on its disk. " + kept
	case noMoreFiles:
		return "cannot be opened: this system or this account has too many files open",
			"Close what holds them, or raise the limit of open files (LimitNOFILE= of the service). The state itself is not touched."
	case noMoreMemory:
		return "cannot be opened: the system lacks the memory", "Free memory. The state itself is not touched."
	case noLocks:
		return "cannot be locked: its file system has no locks to give", "Put the state on a disk of this server, not on a share."
	default:
		return "cannot be written", "Free space on its disk, or let balansd's account write to its folder. " + kept
	}
}

// notRestored returns the problem for a restore that the disk refused.
func notRestored(path string, cause error) error {
	if p, ok := errors.AsType[*problem.Problem](cause); ok {
		if p.Code != problem.StateUnwritable {
			return cause
		}
		cause = p.Err
	}
	return problem.Wrap(cause, problem.StateUnwritable, fmt.Sprintf("the backup cannot be put in the place of %s", path),
		"Free space on its disk, or run the command as an account that may write to its folder. Nothing was changed.")
}

// newer returns the problem for a state of a later layout. It names the copy that was made
// before the update, if there is one.
func newer(path string, have int, o Options, version string) error {
	if version == "" {
		version = "a newer version"
	} else {
		version = "balansd " + version
	}
	next := "Install that version or a newer one"
	backups, _ := listBackups(o.Backups.Folder, o)
	for _, b := range backups {
		if b.Problem == "" {
			next += fmt.Sprintf("; or go back to the backup of before the update: `balansd backup restore %s --lose-newer`", b.File)
			break
		}
	}
	return problem.New(problem.StateNewer,
		fmt.Sprintf("the state file %s was written by %s: it has layout %d, and this version knows up to %d",
			path, version, have, o.layout()), next+".")
}

func notFound(n uint64) error {
	return problem.New(problem.NotFound, fmt.Sprintf("the ledger has no entry %d", n),
		"List the entries with `balansd ledger list`.")
}

func conflict(e ledger.Head) error {
	return problem.New(problem.Conflict,
		fmt.Sprintf("entry %d of dossier %q was changed by someone else meanwhile", e.Number, dossierName(e)),
		"Look at the entry again, and repeat what you wanted to do if it still applies.")
}

func targetConflict(e ledger.Head, p ledger.Target) error {
	return problem.New(problem.Conflict,
		fmt.Sprintf("what balansd knows of the period that ends %s of dossier %q in Silverfin was changed by another step meanwhile",
			p.PeriodEnd, dossierName(e)),
		fmt.Sprintf("Look at entry %d again, and repeat what you wanted to do if it still applies.", e.Number))
}

// dossierName returns the name by which people know the entry's dossier.
func dossierName(e ledger.Head) string {
	if e.Dossier.Name != "" {
		return e.Dossier.Name
	}
	return e.Dossier.ID
}
