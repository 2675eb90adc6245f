//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/internal/testenv"
)

// identities makes a certificate and a GPG key, and sets the environment variables that
// name them.
func identities(t *testing.T) (certificate, ring string) {
	t.Helper()
	testenv.Need(t, testenv.Packages, "openssl", "osslsigncode", "gpg")
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	tool(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=balansd test", "-days", "2",
		"-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=critical,digitalSignature", "-keyout", key, "-out", certificate)
	t.Setenv("BALANSD_SIGN_CERTIFICATE", certificate)
	t.Setenv("BALANSD_SIGN_KEY", key)

	// The path of the agent's socket must be short.
	ring, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", ring, "--kill", "all").Run()
		_ = os.RemoveAll(ring)
	})
	secret := filepath.Join(dir, "secret.asc")
	tool(t, "gpg", "--homedir", ring, "--batch", "--passphrase", "", "--quick-generate-key", "balansd test", "rsa2048", "sign", "1d")
	tool(t, "gpg", "--homedir", ring, "--batch", "--armor", "--output", secret, "--export-secret-keys")
	t.Setenv("BALANSD_SIGN_GPG_KEY", secret)
	return certificate, ring
}

// tool runs a program that must succeed, and returns its output.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestSigned signs everything that can be signed, with a certificate and a key of its own,
// and then changes a byte of each. No check may accept that.
func TestSigned(t *testing.T) {
	certificate, ring := identities(t)
	dir := t.TempDir()
	makePackages(t, dir, "0.1.0", []string{"deb", "rpm", "zip", "msi"})
	name := func(suffix string) string { return filepath.Join(dir, "balansd-"+suffix) }
	windows := func(file string) error {
		return exec.Command("osslsigncode", "verify", "-CAfile", certificate, "-TSA-CAfile", certificate, "-in", file).Run()
	}
	verifies(t, filepath.Join(unpack(t, name("windows-amd64.zip")), "balansd.exe"), windows)
	verifies(t, filepath.Join(unpack(t, name("windows-arm64.zip")), "balansd.exe"), windows)
	verifies(t, name("windows-amd64.msi"), windows)
	verifies(t, filepath.Join(dir, "SHA256SUMS"), func(file string) error {
		return exec.Command("gpg", "--homedir", ring, "--batch", "--verify", filepath.Join(dir, "SHA256SUMS.asc"), file).Run()
	})
	// dpkg-sig and debsig-verify check all parts of the package in a row.
	verifies(t, name("linux-amd64.deb"), func(file string) error {
		parts := t.TempDir()
		return exec.Command("sh", "-ec", `cd "$1"; ar x "$2"; cat debian-binary control.tar.* data.tar.* >all
exec gpg --homedir "$3" --batch --verify _gpgorigin all`, "sh", parts, file, ring).Run()
	})
	testenv.Need(t, testenv.Packages, "rpmkeys")
	keys, public := t.TempDir(), filepath.Join(t.TempDir(), "public.asc")
	tool(t, "gpg", "--homedir", ring, "--batch", "--armor", "--output", public, "--export")
	tool(t, "rpmkeys", "--dbpath", keys, "--import", public)
	verifies(t, name("linux-amd64.rpm"), func(file string) error {
		out, err := exec.Command("rpmkeys", "--dbpath", keys, "--checksig", "--verbose", file).CombinedOutput()
		if !strings.Contains(string(out), "Signature") {
			t.Errorf("%s has no signature: %s", file, out)
		}
		return err
	})
}

// verifies checks that a file has a valid signature, and a copy with a changed byte has
// not.
func verifies(t *testing.T, file string, verify func(file string) error) {
	t.Helper()
	if err := verify(file); err != nil {
		t.Errorf("%s: the signature does not hold: %v", filepath.Base(file), err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	changed := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(changed, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if verify(changed) == nil {
		t.Errorf("%s: the signature holds although a byte was changed", filepath.Base(file))
	}
}

// TestIncompleteSigningSettings checks the error when only a part of the signing settings is given.
func TestIncompleteSigningSettings(t *testing.T) {
	if err := (signing{certificate: "c.pem"}).windows(t.Context(), "x.exe", time.Time{}); err == nil || !strings.Contains(err.Error(), "BALANSD_SIGN_KEY") {
		t.Errorf("without a key it says: %v", err)
	}
	if err := (signing{}).windows(t.Context(), "x.exe", time.Time{}); err != nil {
		t.Errorf("without anything it signs nothing: %v", err)
	}
}

// TestMSIOfAnotherTool checks that files which wixl did not write are refused.
func TestMSIOfAnotherTool(t *testing.T) {
	id := []byte{0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9}
	for _, content := range [][]byte{nil, id, append(make([]byte, 28), id...), append(bytes.Repeat([]byte{0xff}, 28), append(id, bytes.Repeat([]byte{0xff}, 64)...)...)} {
		file := filepath.Join(t.TempDir(), "x.msi")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := settle(file, uuidOf("x"), time.Unix(0, 0)); err == nil {
			t.Errorf("%x is taken for an installer", content)
		}
	}
}
