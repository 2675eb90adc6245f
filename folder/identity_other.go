//go:build !linux && !windows

package folder

import "io/fs"

func identify(fs.FileInfo) identity { return identity{} }
