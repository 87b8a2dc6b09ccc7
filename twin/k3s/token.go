package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// token is a join token: a bare password, or K10<sha256 of the cluster's CA>::<user>:<password>
// (https://docs.k3s.io/cli/token).
type token struct {
	caHash, user, password string
}

func parseToken(given string) (token, error) {
	if given == "" {
		return token{}, errors.New("token must not be empty")
	}
	full, ok := strings.CutPrefix(given, "K10")
	if !ok {
		return token{password: given}, nil
	}
	hash, credentials, ok := strings.Cut(full, "::")
	if !ok {
		return token{}, errors.New("invalid token format")
	}
	if len(hash) != 0 && len(hash) != sha256.Size*2 {
		return token{}, errors.New("invalid token CA hash length")
	}
	user, password, ok := strings.Cut(credentials, ":")
	if !ok || password == "" {
		return token{}, errors.New("invalid token format")
	}
	return token{caHash: hash, user: user, password: password}, nil
}

func (t token) String() string {
	return "K10" + t.caHash + "::" + t.user + ":" + t.password
}

// hashCA is the pin in a token. Of a single certificate K3s hashes the file's bytes, of a chain the root's DER:
// so an intermediate can be renewed while the root stays.
func hashCA(bundle []byte) (string, error) {
	certificates, err := parseCertificates(bundle)
	if err != nil {
		return "", err
	}
	pinned := bundle
	if len(certificates) > 1 {
		roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
		for _, certificate := range certificates[1:] {
			if len(certificate.AuthorityKeyId) == 0 || string(certificate.AuthorityKeyId) == string(certificate.SubjectKeyId) {
				roots.AddCert(certificate)
			} else {
				intermediates.AddCert(certificate)
			}
		}
		if chains, err := certificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates}); err == nil {
			pinned = chains[0][len(chains[0])-1].Raw
		}
	}
	sum := sha256.Sum256(pinned)
	return hex.EncodeToString(sum[:]), nil
}

func parseCertificates(bundle []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return all, nil
}

func randomSecret() string {
	secret := make([]byte, 16)
	rand.Read(secret)
	return hex.EncodeToString(secret)
}
