package store

import "testing"

// TestFolderThatCannotBeSynced uses /proc, a file system that refuses to sync folders, as
// some shares do.
func TestFolderThatCannotBeSynced(t *testing.T) {
	if err := syncFolder("/proc"); err != nil {
		t.Error(err)
	}
	if err := syncFolder("/proc/not-there"); err == nil {
		t.Error("a folder that is not there is synced")
	}
}
