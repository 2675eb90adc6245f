package service

// ReadableByService reports whether the account of the service may read a file. On Windows
// CheckAccess reports what is wrong with its access list.
func ReadableByService(string) bool { return true }
