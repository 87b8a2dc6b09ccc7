package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

const requestHeaderName = "system:auth-proxy"

// serverPKI is the tree of certificates under <data-dir>/server/tls, with the names K3s gives them.
type serverPKI struct {
	serverCA, clientCA, requestHeaderCA *authority
	etcdServerCA, etcdPeerCA            *authority
}

func ensureServerPKI(n *node, sans []string) (*serverPKI, error) {
	pki := &serverPKI{}
	for _, ca := range []struct {
		authority **authority
		prefix    string
		path      string
	}{
		{&pki.serverCA, "k3s-server", "server-ca"},
		{&pki.clientCA, "k3s-client", "client-ca"},
		{&pki.requestHeaderCA, "k3s-request-header", "request-header-ca"},
		{&pki.etcdServerCA, "etcd-server", "etcd/server-ca"},
		{&pki.etcdPeerCA, "etcd-peer", "etcd/peer-ca"},
	} {
		made, err := ensureAuthority(ca.prefix, n.tlsPath(ca.path+".crt"), n.tlsPath(ca.path+".key"))
		if err != nil {
			return nil, err
		}
		*ca.authority = made
	}
	names, ips := splitSANs(sans)
	etcdNames, etcdIPs := splitSANs([]string{"localhost", "127.0.0.1", n.address.String(), n.name})
	masters := []string{"system:masters"}
	for _, certificate := range []struct {
		ca   *authority
		path string
		who  identity
	}{
		{pki.clientCA, "client-admin", identity{name: "system:admin", groups: masters, purpose: clientPurpose}},
		{pki.clientCA, "client-supervisor", identity{name: "system:k3s-supervisor", groups: masters, purpose: clientPurpose}},
		{pki.clientCA, "client-controller", identity{name: "system:kube-controller-manager", purpose: clientPurpose}},
		{pki.clientCA, "client-scheduler", identity{name: "system:kube-scheduler", purpose: clientPurpose}},
		{pki.clientCA, "client-kube-apiserver", identity{name: "system:apiserver", groups: masters, purpose: clientPurpose}},
		{pki.requestHeaderCA, "client-auth-proxy", identity{name: requestHeaderName, purpose: clientPurpose}},
		{pki.serverCA, "serving-kube-apiserver", identity{name: "kube-apiserver", names: names, ips: ips, purpose: serverPurpose}},
		{pki.etcdServerCA, "etcd/client", identity{name: "etcd-client", purpose: clientPurpose}},
		{pki.etcdServerCA, "etcd/server-client", identity{name: "etcd-server", names: etcdNames, ips: etcdIPs, purpose: peerPurpose}},
		{pki.etcdPeerCA, "etcd/peer-server-client", identity{name: "etcd-peer", names: etcdNames, ips: etcdIPs, purpose: peerPurpose}},
	} {
		if err := certificate.ca.ensureCertificate(certificate.who, n.tlsPath(certificate.path+".crt"), n.tlsPath(certificate.path+".key")); err != nil {
			return nil, err
		}
	}
	// kube-controller-manager's signers take one certificate, not a chain.
	for path, ca := range map[string]*authority{"client-ca.nochain.crt": pki.clientCA, "server-ca.nochain.crt": pki.serverCA} {
		if err := writeFile(n.tlsPath(path), encodeCertificate(ca.chain[0].Raw), 0o644); err != nil {
			return nil, err
		}
	}
	return pki, ensureServiceKey(n)
}

// ensureServiceKey makes the key that signs service account tokens, unless one was laid down.
func ensureServiceKey(n *node) error {
	path := n.tlsPath("service.key")
	key, err := ensureKey(path)
	if err != nil {
		return err
	}
	switch key.Public().(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey:
	default:
		return fmt.Errorf("%s: must be an ECDSA or RSA key, not %T", path, crypto.Signer(key))
	}
	return os.Chmod(path, 0o600)
}

func splitSANs(sans []string) (names []string, ips []net.IP) {
	seen := []string{}
	for _, san := range sans {
		if slices.Contains(seen, san) {
			continue
		}
		seen = append(seen, san)
		if ip := net.ParseIP(san); ip != nil {
			ips = append(ips, ip)
		} else {
			names = append(names, strings.ToLower(san))
		}
	}
	return names, ips
}
