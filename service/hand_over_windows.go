package service

// HandOver does nothing: the service reads its secrets where they are.
func HandOver(string) error { return nil }
