package store_test

// platformJobs is empty on Windows: the full disk is tested on Unix.
func platformJobs() map[string]func(string) error { return nil }
