package cli

import (
	"crypto/x509"
	"encoding/pem"
	"time"
)

// certificateEnd returns when the first of the certificates in a file ends that has no later one
// with the same subject: an authority and its successor may stand in one file. It takes
// PEM, with other blocks between, or one certificate in DER. ok is false if there is none.
func certificateEnd(file []byte) (end time.Time, ok bool) {
	var list []*x509.Certificate
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			list = append(list, c)
		}
	}
	if c, err := x509.ParseCertificate(file); err == nil {
		list = append(list, c)
	}
	return endOfCertificates(list)
}

// endOfCertificates is certificateEnd for certificates that are parsed already, such as those of a server.
func endOfCertificates(list []*x509.Certificate) (end time.Time, ok bool) {
	newest := map[string]time.Time{}
	for _, c := range list {
		if subject := string(c.RawSubject); c.NotAfter.After(newest[subject]) {
			newest[subject] = c.NotAfter
		}
	}
	for _, at := range newest {
		if !ok || at.Before(end) {
			end, ok = at, true
		}
	}
	return end, ok
}
