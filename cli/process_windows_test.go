package cli

// prepareProcess has nothing to set up: Windows has no limit of a file's size
// for one process.
func prepareProcess() error { return nil }
