package cli

// prepareTestProcess has nothing to set up: Windows has no limit of a file's size
// for one process.
func prepareTestProcess() error { return nil }
