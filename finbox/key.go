package finbox

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"runtime"
	"strings"

	"balansd/problem"
	"balansd/transport"
)

const (
	maxKeyFile = 1 << 20
	minKeyBits = 2048 // RFC 7518, section 3.3, for RS256
)

// Key is the private key for signing in to Finbox, with the certificate that
// SD Worx registered if one is configured. Its formatted forms never show the key.
type Key struct {
	private    *rsa.PrivateKey
	thumbprint string // SHA-256 of the certificate, base64url; empty without one
}

// String returns the kind of the key, never the key.
func (k *Key) String() string { return fmt.Sprintf("RSA key of %d bits", k.private.N.BitLen()) }

// GoString returns what String does.
func (k *Key) GoString() string { return k.String() }

// LoadKey reads a PEM private key (PKCS #1 or PKCS #8, RSA, without a passphrase)
// and, if certPath is not empty, its certificate (PEM or DER). Every error is a
// KeyInvalid problem. On Unix the key file must not be readable by everyone; its
// group may read it, as with systemd credentials. On Windows the installer sets
// access lists instead.
func LoadKey(path, certPath string) (*Key, error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	private, err := parseKey(path, text)
	if err != nil {
		return nil, err
	}
	k := &Key{private: private}
	if certPath == "" {
		return k, nil
	}
	k.thumbprint, err = loadThumbprint(certPath, path, private)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// keyProblem returns a KeyInvalid problem.
func keyProblem(err error, next, what string, args ...any) error {
	return problem.Wrap(err, problem.KeyInvalid, fmt.Sprintf(what, args...), next)
}

// readKeyFile reads a key file that is not readable by everyone.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		next := "Check the path in the configuration."
		if !os.IsNotExist(err) {
			next = "Let the account that runs balansd read the file."
		}
		return nil, keyProblem(err, next, "the private key file %s cannot be read", path)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, keyProblem(err, "Check the file.", "the private key file %s cannot be read", path)
	}
	if !info.Mode().IsRegular() {
		return nil, keyProblem(nil, "Name the key file itself.", "the private key %s is not a file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return nil, keyProblem(nil, fmt.Sprintf("Run: chmod 600 %s", path),
			"the private key file %s is open to everyone on this machine (mode %04o)", path, info.Mode().Perm())
	}
	text, err := transport.ReadAll(f, maxKeyFile)
	if err != nil {
		return nil, keyProblem(err, "Name the key file itself.", "the private key file %s cannot be read", path)
	}
	return text, nil
}

// parseKey returns the private key among the PEM blocks of the file.
func parseKey(path string, text []byte) (*rsa.PrivateKey, error) {
	var found []string
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, keyProblem(nil,
				fmt.Sprintf("Remove its passphrase: openssl pkey -in %s -out new.key, then chmod 600 new.key and name that file.", path),
				"the private key %s is protected with a passphrase, which a service cannot type", path)
		case block.Type == "RSA PRIVATE KEY" || block.Type == "PRIVATE KEY":
			return parseBlock(path, block)
		}
		found = append(found, block.Type)
	}
	next := "Name the PEM file with the private key that was made together with the certificate."
	if len(found) > 0 {
		return nil, keyProblem(nil, next, "the file %s holds no RSA private key but: %s", path, strings.ToLower(strings.Join(found, ", ")))
	}
	return nil, keyProblem(nil, next+" A .pfx or .p12 file is turned into PEM with: openssl pkcs12 -in FILE -nodes -nocerts -out new.key.",
		"the file %s is not a private key in PEM form", path)
}

// parseBlock returns the private key of a PEM block.
func parseBlock(path string, block *pem.Block) (*rsa.PrivateKey, error) {
	var key any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		// The cause is left out: it may describe the content of the key.
		return nil, keyProblem(nil, "Copy the file again from where it was made.", "the private key %s is damaged", path)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, keyProblem(nil, "Make an RSA key; SD Worx signs in with RS256.", "the private key %s is not an RSA key", path)
	}
	if bits := private.N.BitLen(); bits < minKeyBits {
		return nil, keyProblem(nil, "Make a key of 2048 bits or more, and let SD Worx register its certificate.",
			"the private key %s is too short: %d bits", path, bits)
	}
	return private, nil
}

// loadThumbprint reads the certificate, checks that it belongs to the private key,
// and returns its SHA-256 thumbprint.
func loadThumbprint(certPath, keyPath string, private *rsa.PrivateKey) (string, error) {
	f, err := os.Open(certPath)
	if err != nil {
		return "", keyProblem(err, "Check the path in the configuration.", "the certificate file %s cannot be read", certPath)
	}
	defer func() { _ = f.Close() }()
	der, err := transport.ReadAll(f, maxKeyFile)
	if err != nil {
		return "", keyProblem(err, "Name the certificate file itself.", "the certificate file %s cannot be read", certPath)
	}
	if i := bytes.Index(der, []byte("-----BEGIN CERTIFICATE-----")); i >= 0 {
		if block, _ := pem.Decode(der[i:]); block != nil {
			der = block.Bytes
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return "", keyProblem(nil, "Name the .crt file that was sent to SD Worx.", "the file %s is not a certificate", certPath)
	}
	if public, ok := cert.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&private.PublicKey) {
		return "", keyProblem(nil, "Name the certificate and the private key that were made together.",
			"the certificate %s does not belong to the private key %s", certPath, keyPath)
	}
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
