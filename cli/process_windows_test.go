package cli

// prepareTestProcess does nothing: Windows has no file size limit for a process.
func prepareTestProcess() error { return nil }
