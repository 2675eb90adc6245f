package recovery

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// keySize is that of the data key, in bytes.
const keySize = 32

func encodeKey(key []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(nil, key), '\n')
}

func decodeKey(text []byte) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err == nil && len(key) != keySize {
		err = errors.New("its data key is cut short")
	}
	return key, err
}
