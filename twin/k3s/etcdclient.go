package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcdClientConfig is the way to the etcd of this node, with the certificate that its API server shows too.
func etcdClientConfig(n *node) (clientv3.Config, error) {
	certificate, err := tls.LoadX509KeyPair(n.tlsPath("etcd", "client.crt"), n.tlsPath("etcd", "client.key"))
	if err != nil {
		return clientv3.Config{}, err
	}
	bundle, err := os.ReadFile(n.tlsPath("etcd", "server-ca.crt"))
	if err != nil {
		return clientv3.Config{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return clientv3.Config{
		Endpoints:   []string{localEtcd},
		DialTimeout: 2 * time.Second,
		TLS:         &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		Logger:      zap.NewNop(),
	}, nil
}
