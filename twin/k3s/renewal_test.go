package main

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCertificatesAreRenewed(t *testing.T) {
	directory := t.TempDir()
	path := func(name string) string { return filepath.Join(directory, name) }
	ca, err := ensureAuthority("ca", path("ca.crt"), path("ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := newKey(path("leaf.key"))
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		left    time.Duration
		renewed bool
	}{
		"expired":               {-day, true},
		"expires in 119 days":   {119 * day, true},
		"good for 121 days yet": {121 * day, false},
	} {
		t.Run(name, func(t *testing.T) {
			template := &x509.Certificate{
				SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "leaf"},
				NotBefore: time.Now().Add(-365 * day), NotAfter: time.Now().Add(test.left), ExtKeyUsage: clientPurpose,
			}
			old, err := x509.CreateCertificate(rand.Reader, template, ca.chain[0], key.Public(), ca.key)
			if err != nil {
				t.Fatal(err)
			}
			if err := writeFile(path("leaf.crt"), encodeCertificate(old), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := ca.ensureCertificate(identity{name: "leaf", purpose: clientPurpose}, path("leaf.crt"), path("leaf.key")); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path("leaf.crt"))
			if err != nil {
				t.Fatal(err)
			}
			chain, err := parseCertificates(content)
			if err != nil {
				t.Fatal(err)
			}
			left := time.Until(chain[0].NotAfter)
			if renewed := left > year-time.Hour && left <= year; renewed != test.renewed {
				t.Errorf("renewed: %v; now valid for %s", renewed, left)
			}
			if _, err := chain[0].Verify(x509.VerifyOptions{Roots: pool(ca), KeyUsages: clientPurpose}); err != nil {
				t.Errorf("not valid: %v", err)
			}
		})
	}
}

func pool(ca *authority) *x509.CertPool {
	all := x509.NewCertPool()
	all.AddCert(ca.chain[0])
	return all
}
