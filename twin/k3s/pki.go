package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

const (
	year = 365 * 24 * time.Hour
	// K3s renews at start what has less than this left (https://docs.k3s.io/cli/certificate).
	renewBefore = 120 * 24 * time.Hour
)

// authority signs certificates. Its file may hold a chain: the signer first, its issuers after it.
type authority struct {
	bundle []byte
	chain  []*x509.Certificate
	key    crypto.Signer
}

// identity is what a certificate says.
type identity struct {
	name    string
	groups  []string
	names   []string
	ips     []net.IP
	purpose []x509.ExtKeyUsage
}

var (
	clientPurpose = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	serverPurpose = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	peerPurpose   = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
)

// ensureAuthority takes a CA that lies there already (https://docs.k3s.io/cli/certificate#using-custom-ca-certificates)
// or makes one for ten years.
func ensureAuthority(prefix, certificatePath, keyPath string) (*authority, error) {
	if exists(certificatePath) != exists(keyPath) {
		return nil, fmt.Errorf("%s and %s belong together, but only one of them is there", certificatePath, keyPath)
	}
	if !exists(certificatePath) {
		key, err := newKey(keyPath)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		template := &x509.Certificate{
			SerialNumber:          big.NewInt(now.UnixNano()),
			Subject:               pkix.Name{CommonName: fmt.Sprintf("%s-ca@%d", prefix, now.Unix())},
			NotBefore:             now.Add(-time.Minute).UTC(),
			NotAfter:              now.Add(10 * year).UTC(),
			KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			BasicConstraintsValid: true,
			IsCA:                  true,
		}
		certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		if err := writeFile(certificatePath, encodeCertificate(certificate), 0o644); err != nil {
			return nil, err
		}
	}
	return loadAuthority(certificatePath, keyPath)
}

func loadAuthority(certificatePath, keyPath string) (*authority, error) {
	bundle, err := os.ReadFile(certificatePath)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates(bundle)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certificatePath, err)
	}
	key, err := loadKey(keyPath)
	if err != nil {
		return nil, err
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", keyPath, certificatePath)
	}
	if !chain[0].IsCA {
		return nil, fmt.Errorf("%s is not a CA certificate", certificatePath)
	}
	return &authority{bundle: bundle, chain: chain, key: key}, nil
}

// sign gives a certificate for a year, followed by the CA's chain as K3s sends it. It is valid from the CA's first
// day: boards without a clock start in the past.
func (a *authority) sign(who identity, public crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: who.name, Organization: who.groups},
		DNSNames:     who.names,
		IPAddresses:  who.ips,
		NotBefore:    a.chain[0].NotBefore,
		NotAfter:     time.Now().Add(year).UTC(),
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  who.purpose,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, a.chain[0], public, a.key)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	infof("certificate %s signed by %s: notBefore=%s notAfter=%s", made.Subject, a.chain[0].Subject, made.NotBefore, made.NotAfter)
	signed := encodeCertificate(certificate)
	for _, issuer := range a.chain {
		signed = append(signed, encodeCertificate(issuer.Raw)...)
	}
	return signed, nil
}

// ensureCertificate keeps a certificate that still says the right thing for long enough, or signs a new one.
func (a *authority) ensureCertificate(who identity, certificatePath, keyPath string) error {
	key, err := ensureKey(keyPath)
	if err != nil {
		return err
	}
	if a.stillGood(who, certificatePath, key.Public()) {
		return nil
	}
	signed, err := a.sign(who, key.Public())
	if err != nil {
		return err
	}
	return writeFile(certificatePath, signed, 0o644)
}

func (a *authority) stillGood(who identity, path string, public crypto.PublicKey) bool {
	bundle, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	certificates, err := parseCertificates(bundle)
	if err != nil {
		return false
	}
	leaf := certificates[0]
	left := time.Until(leaf.NotAfter)
	if left <= renewBefore {
		infof("certificate %s will expire in %f days at %s", leaf.Subject, left.Hours()/24, leaf.NotAfter)
		return false
	}
	ips := func(all []net.IP) []string {
		texts := make([]string, len(all))
		for index, ip := range all {
			texts[index] = ip.String()
		}
		return texts
	}
	return leaf.CheckSignatureFrom(a.chain[0]) == nil &&
		leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) &&
		leaf.Subject.CommonName == who.name &&
		slices.Equal(leaf.Subject.Organization, who.groups) &&
		slices.Equal(leaf.DNSNames, who.names) &&
		slices.Equal(ips(leaf.IPAddresses), ips(who.ips))
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func newKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func ensureKey(path string) (crypto.Signer, error) {
	if exists(path) {
		return loadKey(path)
	}
	return newKey(path)
}

// loadKey reads the first private key of a PEM file: SEC 1 or PKCS #1 or PKCS #8, ECDSA or RSA.
func loadKey(path string) (crypto.Signer, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, fmt.Errorf("%s holds no private key in PEM form", path)
}
