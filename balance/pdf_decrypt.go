package balance

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" //nolint:gosec // the standard's own, for files that others encrypted
	"crypto/rc4" //nolint:gosec // as above
	"errors"
	"regexp"
	"strconv"

	pdf "github.com/ledongthuc/pdf"
)

// Why an encrypted PDF is not opened.
var (
	errPDFPassword = errors.New("the PDF wants a password")
	errPDFAES256   = errors.New("the PDF is encrypted with AES-256")
	errPDFCipher   = errors.New("the PDF is encrypted in a way that is not known")
)

// pdfPad stands for an empty password (ISO 32000-1, 7.6.3.3).
const pdfPad = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

// hiddenEncrypt takes the place of the key by which a trailer says that a PDF is
// encrypted: the library deciphers keys of some lengths only.
const hiddenEncrypt = "Encryp_"

var pdfEncrypt = regexp.MustCompile(`/Encrypt(\s*<<|\s+\d+\s+\d+\s+R)`)

// decryptPDF opens an encrypted PDF with the empty password. It deciphers the
// streams where they stand in its bytes. Strings outside of streams stay as they
// are: no figure stands in one.
func decryptPDF(data []byte) (r *pdf.Reader, err error) {
	err = guarded(func() error {
		if r, err = pdf.NewReader(&pdfFile{data: data}, int64(len(data))); err != nil {
			return err
		}
		c, err := cipherOf(r.Trailer().Key(hiddenEncrypt), r.Trailer().Key("ID").Index(0).RawString())
		if err == nil && !c.identity {
			c.decryptStreams(data)
		}
		return err
	})
	return r, err
}

// pdfCipher deciphers the streams of a PDF of versions 1, 2 and 4.
type pdfCipher struct {
	key      []byte
	aes      bool
	identity bool // nothing is encrypted
}

// cipherOf returns the cipher that an encryption dictionary describes.
func cipherOf(e pdf.Value, id string) (*pdfCipher, error) {
	version, revision := e.Key("V").Int64(), e.Key("R").Int64()
	switch {
	case e.Key("Filter").Name() != "Standard":
		return nil, errPDFCipher
	case version == 5:
		return nil, errPDFAES256
	case version != 1 && version != 2 && version != 4 || revision < 2 || revision > 4:
		return nil, errPDFCipher
	}
	c, bits := &pdfCipher{}, e.Key("Length").Int64()
	if version == 4 {
		bits = 128
		switch name := e.Key("StmF").Name(); e.Key("CF").Key(name).Key("CFM").Name() {
		case "AESV2":
			c.aes = true
		case "V2":
		default:
			c.identity = name == "" || name == "Identity"
			if !c.identity {
				return nil, errPDFCipher
			}
		}
	}
	size := 5
	if revision > 2 && bits != 0 {
		size = min(max(size, int(bits/8)), md5.Size)
	}
	c.findKey(e, id, size)
	if !c.opens(e, id) {
		return nil, errPDFPassword
	}
	return c, nil
}

// findKey computes the key of a file for the empty password (7.6.3.3, algorithm 2).
func (c *pdfCipher) findKey(e pdf.Value, id string, size int) {
	p := uint32(e.Key("P").Int64())
	text := pdfPad + e.Key("O").RawString() + string([]byte{byte(p), byte(p >> 8), byte(p >> 16), byte(p >> 24)}) + id
	if clear := e.Key("EncryptMetadata"); e.Key("R").Int64() == 4 && clear.Kind() == pdf.Bool && !clear.Bool() {
		text += "\xff\xff\xff\xff"
	}
	sum := md5.Sum([]byte(text)) //nolint:gosec // as above
	if e.Key("R").Int64() > 2 {
		for range 50 {
			sum = md5.Sum(sum[:size]) //nolint:gosec // as above
		}
	}
	c.key = sum[:size]
}

// opens reports whether the key is that of the file (7.6.3.4, algorithms 4 to 6).
func (c *pdfCipher) opens(e pdf.Value, id string) bool {
	check := []byte(pdfPad)
	if e.Key("R").Int64() == 2 {
		decryptRC4(c.key, check)
	} else {
		sum := md5.Sum([]byte(pdfPad + id)) //nolint:gosec // as above
		check = sum[:]
		for i := range 20 {
			key := bytes.Clone(c.key)
			for k := range key {
				key[k] ^= byte(i)
			}
			decryptRC4(key, check)
		}
	}
	return bytes.HasPrefix([]byte(e.Key("U").RawString()), check)
}

func decryptRC4(key, data []byte) {
	if c, err := rc4.NewCipher(key); err == nil { //nolint:gosec // as above
		c.XORKeyStream(data, data)
	}
}

var (
	pdfObject      = regexp.MustCompile(`(\d{1,10})\s+(\d{1,5})\s+obj\b`)
	pdfStreamStart = regexp.MustCompile(`\bstream\r?\n`)
)

// decryptStreams deciphers the streams of a file where they stand. Tables of
// objects are not encrypted.
func (c *pdfCipher) decryptStreams(data []byte) {
	for at := 0; ; {
		object := pdfObject.FindSubmatchIndex(data[at:])
		if object == nil {
			return
		}
		number, _ := strconv.Atoi(string(data[at+object[2] : at+object[3]]))
		generation, _ := strconv.Atoi(string(data[at+object[4] : at+object[5]]))
		at += object[1]
		end := len(data)
		if next := bytes.Index(data[at:], []byte("endobj")); next >= 0 {
			end = at + next
		}
		start := pdfStreamStart.FindIndex(data[at:end])
		if start == nil {
			at = end
			continue
		}
		head, from := data[at:at+start[0]], at+start[1]
		size := bytes.Index(data[from:], []byte("endstream"))
		if size < 0 {
			return
		}
		at = from + size
		if !bytes.Contains(head, []byte("/XRef")) {
			c.decrypt(data[from:at], number, generation)
		}
	}
}

// decrypt deciphers a stream (7.6.2, algorithm 1). What AES had added to it becomes
// blank.
func (c *pdfCipher) decrypt(data []byte, number, generation int) {
	text := append(bytes.Clone(c.key), byte(number), byte(number>>8), byte(number>>16), byte(generation), byte(generation>>8))
	if c.aes {
		text = append(text, "sAlT"...)
	}
	sum := md5.Sum(text) //nolint:gosec // as above
	key := sum[:min(len(c.key)+5, len(sum))]
	if !c.aes {
		decryptRC4(key, data)
		return
	}
	block, err := aes.NewCipher(key)
	size := len(data) / aes.BlockSize * aes.BlockSize
	if err != nil || size < 2*aes.BlockSize {
		return
	}
	plain := make([]byte, size-aes.BlockSize)
	cipher.NewCBCDecrypter(block, data[:aes.BlockSize]).CryptBlocks(plain, data[aes.BlockSize:size])
	if added := int(plain[len(plain)-1]); added <= aes.BlockSize {
		plain = plain[:len(plain)-added]
	}
	for n := copy(data, plain); n < len(data); n++ {
		data[n] = ' '
	}
}
