package service

// RestoreOwner does nothing on Windows, where a file has the rights of its folder,
// whoever makes it.
func RestoreOwner(string) error { return nil }
