package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseToken(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for given, want := range map[string]token{
		"short":                          {password: "short"},
		"with:colon":                     {password: "with:colon"},
		"K10" + hash + "::server:secret": {caHash: hash, user: "server", password: "secret"},
		"K10" + hash + "::node:a:b::c":   {caHash: hash, user: "node", password: "a:b::c"},
		"K10::server:secret":             {user: "server", password: "secret"},
	} {
		got, err := parseToken(given)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", given, got, err)
		}
		if want.user != "" && got.String() != given {
			t.Errorf("%s: written back as %s", given, got)
		}
	}
	for _, given := range []string{"", "K10", "K10abc::server:x", "K10" + hash + "::server", "K10" + hash + "::server:", "K10" + hash} {
		if got, err := parseToken(given); err == nil {
			t.Errorf("%q: got %+v, want an error", given, got)
		}
	}
}

func TestHashCA(t *testing.T) {
	directory := t.TempDir()
	ca, err := ensureAuthority("test", filepath.Join(directory, "ca.crt"), filepath.Join(directory, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(ca.bundle)
	if got, err := hashCA(ca.bundle); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("a single certificate is hashed as the file is: got %s, %v", got, err)
	}
	if _, err := hashCA([]byte("nothing")); err == nil {
		t.Error("a file without a certificate has no hash")
	}

	// Of a chain the root counts: the intermediate may be renewed without new tokens.
	key, err := newKey(filepath.Join(directory, "intermediate.key"))
	if err != nil {
		t.Fatal(err)
	}
	root := sha256.Sum256(ca.chain[0].Raw)
	for serial := range int64(2) {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial + 1), Subject: pkix.Name{CommonName: "intermediate"}, NotBefore: ca.chain[0].NotBefore, NotAfter: ca.chain[0].NotAfter,
			KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, SubjectKeyId: []byte("another"),
		}
		intermediate, err := x509.CreateCertificate(rand.Reader, template, ca.chain[0], key.Public(), ca.key)
		if err != nil {
			t.Fatal(err)
		}
		bundle := append(encodeCertificate(intermediate), ca.bundle...)
		if got, err := hashCA(bundle); err != nil || got != hex.EncodeToString(root[:]) {
			t.Errorf("chain %d: got %s, %v", serial, got, err)
		}
	}
}
