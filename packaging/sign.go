package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// signing names the identities with which packages are signed; those that are empty are
// not used. The values are paths, so that no password is in a variable or an argument.
type signing struct {
	certificate string // PEM, with its intermediate certificates
	key         string // PEM
	pkcs12      string // certificate and key in one file, instead of the two
	password    string // a file with the password of the key
	timestamps  string // URL of a time-stamping authority (RFC 3161)
	gpg         string // a file with the secret GPG key, without a passphrase
}

func signingFrom(look func(string) (string, bool)) signing {
	get := func(name string) string {
		value, _ := look("BALANSD_SIGN_" + name)
		return value
	}
	return signing{certificate: get("CERTIFICATE"), key: get("KEY"), pkcs12: get("PKCS12"),
		password: get("PASSWORD_FILE"), timestamps: get("TIMESTAMP_URL"), gpg: get("GPG_KEY")}
}

// windows signs a program or an installer for Windows in place.
func (s signing) windows(ctx context.Context, file string, at time.Time) error {
	args := []string{"sign", "-h", "sha256", "-n", "balansd"}
	switch {
	case s.pkcs12 != "":
		args = append(args, "-pkcs12", s.pkcs12)
	case s.certificate != "" && s.key != "":
		args = append(args, "-certs", s.certificate, "-key", s.key)
	case s.certificate != "" || s.key != "":
		return errors.New("signing takes both BALANSD_SIGN_CERTIFICATE and BALANSD_SIGN_KEY, or BALANSD_SIGN_PKCS12")
	default:
		return nil
	}
	if s.password != "" {
		args = append(args, "-readpass", s.password)
	}
	if s.timestamps != "" {
		args = append(args, "-ts", s.timestamps)
	} else {
		args = append(args, "-time", strconv.FormatInt(at.Unix(), 10))
	}
	signed := file + ".signed"
	if _, err := output(ctx, ".", "osslsigncode", append(args, "-in", file, "-out", signed)...); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return os.Rename(signed, file)
}

// text writes a detached signature FILE.asc, replacing an earlier one.
func (s signing) text(ctx context.Context, file string) (err error) {
	if err := os.Remove(file + ".asc"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.gpg == "" {
		return nil
	}
	// A temporary keyring, so that the builder's own is not used.
	home, err := os.MkdirTemp("", "balansd-gpg-")
	if err != nil {
		return err
	}
	defer func() {
		_, _ = output(context.WithoutCancel(ctx), ".", "gpgconf", "--homedir", home, "--kill", "all")
		err = errors.Join(err, os.RemoveAll(home))
	}()
	if _, err := output(ctx, ".", "gpg", "--homedir", home, "--batch", "--quiet", "--import", s.gpg); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	_, err = output(ctx, ".", "gpg", "--homedir", home, "--batch", "--quiet", "--armor", "--detach-sign", "--output", file+".asc", file)
	return err
}
