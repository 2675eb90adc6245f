package folder

import (
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
)

// fingerprint tells a file, as it is now, from all others in its folder: its name,
// size and times, and what identifies it on its disk, hashed.
type fingerprint [12]byte

// fingerprintOf makes the fingerprint of a file by what its folder says of it,
// without opening it.
func fingerprintOf(info fs.FileInfo) fingerprint {
	id := identify(info)
	text := make([]byte, 0, 128)
	text = append(text, info.Name()...)
	text = append(text, 0)
	for _, n := range []uint64{uint64(info.Size()), uint64(info.ModTime().UnixNano()), uint64(id.changed), id.inode} {
		text = binary.BigEndian.AppendUint64(text, n)
	}
	sum := sha256.Sum256(text)
	return fingerprint(sum[:len(fingerprint{})])
}

// identity is what an operating system knows of a file besides size and time of
// modification; zero where it does not say. The number of the device is not part
// of a fingerprint: a share gets another each time that it is mounted.
type identity struct {
	changed       int64 // when its content or its rights changed last, in nanoseconds: no program can set it back
	inode, device uint64
}
