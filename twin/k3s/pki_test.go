package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func testNode(t *testing.T, dataDir string) *node {
	t.Helper()
	return &node{values: values{}, name: "one", address: net.IPv4(192, 0, 2, 1).To4(), dataDir: dataDir}
}

// snapshot reads all files of a directory.
func snapshot(t *testing.T, directory string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.Walk(directory, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestServerPKI(t *testing.T) {
	n := testNode(t, t.TempDir())
	sans := []string{"kubernetes", "127.0.0.1", "a.example", "127.0.0.1"}
	if _, err := ensureServerPKI(n, sans); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, n.tlsPath())
	if _, err := ensureServerPKI(n, sans); err != nil {
		t.Fatal(err)
	}
	for path, content := range snapshot(t, n.tlsPath()) {
		if before[path] != content {
			t.Errorf("a second start changed %s", path)
		}
		if info, _ := os.Stat(path); filepath.Ext(path) == ".key" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
	if _, err := ensureServerPKI(n, append(sans, "b.example")); err != nil {
		t.Fatal(err)
	}
	after := snapshot(t, n.tlsPath())
	for path := range before {
		changed := before[path] != after[path]
		if want := filepath.Base(path) == "serving-kube-apiserver.crt"; changed != want {
			t.Errorf("a new SAN: %s changed: %v", path, changed)
		}
	}
	certificates, err := parseCertificates([]byte(after[n.tlsPath("serving-kube-apiserver.crt")]))
	if err != nil {
		t.Fatal(err)
	}
	if err := certificates[0].VerifyHostname("b.example"); err != nil {
		t.Error(err)
	}
}

func TestCustomCAsAreUsed(t *testing.T) {
	n := testNode(t, t.TempDir())
	custom, err := ensureAuthority("custom", n.tlsPath("server-ca.crt"), n.tlsPath("server-ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	service := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
	if err := writeFile(n.tlsPath("service.key"), service, 0o600); err != nil {
		t.Fatal(err)
	}
	pki, err := ensureServerPKI(n, []string{"kubernetes"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pki.serverCA.bundle, custom.bundle) {
		t.Error("the CA that lay there was replaced")
	}
	if kept, _ := os.ReadFile(n.tlsPath("service.key")); !bytes.Equal(kept, service) {
		t.Error("the service key that lay there was replaced")
	}
	// Another CA under certificates that it did not sign: they are signed anew.
	os.Remove(n.tlsPath("client-ca.crt"))
	os.Remove(n.tlsPath("client-ca.key"))
	before := snapshot(t, n.tlsPath())
	if _, err := ensureServerPKI(n, []string{"kubernetes"}); err != nil {
		t.Fatal(err)
	}
	if snapshot(t, n.tlsPath())[n.tlsPath("client-admin.crt")] == before[n.tlsPath("client-admin.crt")] {
		t.Error("client-admin.crt is still of the old CA")
	}
}

func TestAuthorityRefuses(t *testing.T) {
	directory := t.TempDir()
	path := func(name string) string { return filepath.Join(directory, name) }
	ca, err := ensureAuthority("one", path("one.crt"), path("one.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ensureAuthority("two", path("two.crt"), path("two.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAuthority(path("one.crt"), path("two.key")); err == nil {
		t.Error("a key of another certificate was taken")
	}
	if err := ca.ensureCertificate(identity{name: "leaf", purpose: clientPurpose}, path("leaf.crt"), path("leaf.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAuthority(path("leaf.crt"), path("leaf.key")); err == nil {
		t.Error("a certificate that is no CA was taken")
	}
	os.Remove(path("one.key"))
	if _, err := ensureAuthority("one", path("one.crt"), path("one.key")); err == nil {
		t.Error("a CA without its key was replaced silently")
	}
}

func TestSignedFromTheCAsFirstDay(t *testing.T) {
	directory := t.TempDir()
	ca, err := ensureAuthority("ca", filepath.Join(directory, "ca.crt"), filepath.Join(directory, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ca.sign(identity{name: "n", groups: []string{"g"}, purpose: clientPurpose}, ca.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	chain, err := parseCertificates(signed)
	if err != nil {
		t.Fatal(err)
	}
	if len(chain) != 2 || !chain[0].NotBefore.Equal(ca.chain[0].NotBefore) || time.Until(chain[0].NotAfter) < year-time.Hour {
		t.Errorf("%d certificates, valid from %s to %s", len(chain), chain[0].NotBefore, chain[0].NotAfter)
	}
}

func TestSetIdentityDropsClaims(t *testing.T) {
	header := http.Header{"X-Remote-User": {"root"}, "X-Remote-Group": {"system:masters"}, "X-Remote-Extra-Scopes": {"all"}, "X-Remote-Uid": {"0"}, "Authorization": {"Bearer x"}, "Accept": {"*/*"}}
	anonymous := header.Clone()
	setIdentity(anonymous, nil)
	if len(anonymous) != 2 || anonymous.Get("Authorization") != "Bearer x" {
		t.Errorf("without a certificate: %v", anonymous)
	}
	client := &x509.Certificate{}
	client.Subject.CommonName, client.Subject.Organization = "system:node:one", []string{"system:nodes", "other"}
	setIdentity(header, client)
	if header.Get("X-Remote-User") != "system:node:one" || !slices.Equal(header.Values("X-Remote-Group"), []string{"system:nodes", "other"}) {
		t.Errorf("with a certificate: %v", header)
	}
	if header.Get("Authorization") != "" || header.Get("X-Remote-Extra-Scopes") != "" || header.Get("X-Remote-Uid") != "" {
		t.Errorf("claims came through: %v", header)
	}
}
