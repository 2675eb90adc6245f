package store_test

// platformJobs has none here: the full disk is tested on Unix.
func platformJobs() map[string]func(string) error { return nil }
