package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
)

// apiAddress is where kube-apiserver listens: the supervisor has the public port (supervisor.go).
const apiAddress = "127.0.0.1:6444"

func (s *server) apiserverArguments() ([]string, error) {
	issuer := "https://kubernetes.default.svc." + s.clusterDomain
	arguments := []string{
		"advertise-address=" + s.advertiseAddress,
		"allow-privileged=true",
		"anonymous-auth=false",
		"api-audiences=" + issuer + ",k3s",
		"authorization-mode=Node,RBAC",
		"bind-address=127.0.0.1",
		"cert-dir=" + s.tlsPath("temporary-certs"),
		"client-ca-file=" + s.tlsPath("client-ca.crt"),
		"enable-admission-plugins=NodeRestriction",
		// Upstream can advertise only the port it listens on; K3s patches that, the launcher writes the endpoints (endpoints.go).
		"endpoint-reconciler-type=none",
		"etcd-cafile=" + s.tlsPath("etcd", "server-ca.crt"),
		"etcd-certfile=" + s.tlsPath("etcd", "client.crt"),
		"etcd-keyfile=" + s.tlsPath("etcd", "client.key"),
		"etcd-servers=https://127.0.0.1:2379",
		"kubelet-certificate-authority=" + s.tlsPath("server-ca.crt"),
		"kubelet-client-certificate=" + s.tlsPath("client-kube-apiserver.crt"),
		"kubelet-client-key=" + s.tlsPath("client-kube-apiserver.key"),
		"kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"profiling=false",
		"proxy-client-cert-file=" + s.tlsPath("client-auth-proxy.crt"),
		"proxy-client-key-file=" + s.tlsPath("client-auth-proxy.key"),
		"requestheader-allowed-names=" + requestHeaderName,
		"requestheader-client-ca-file=" + s.tlsPath("request-header-ca.crt"),
		"requestheader-extra-headers-prefix=X-Remote-Extra-",
		"requestheader-group-headers=X-Remote-Group",
		"requestheader-username-headers=X-Remote-User",
		"secure-port=6444",
		"service-account-issuer=" + issuer,
		"service-account-key-file=" + s.tlsPath("service.key"),
		"service-account-signing-key-file=" + s.tlsPath("service.key"),
		"service-cluster-ip-range=" + s.serviceCIDR,
		"service-node-port-range=" + s.text("service-node-port-range", "30000-32767"),
		"tls-cert-file=" + s.tlsPath("serving-kube-apiserver.crt"),
		"tls-private-key-file=" + s.tlsPath("serving-kube-apiserver.key"),
	}
	if s.flag("secrets-encryption") {
		path, err := ensureEncryptionConfig(s.node)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "encryption-provider-config="+path)
	}
	return mergeArguments(arguments, s.values["kube-apiserver-arg"]), nil
}

func (s *server) controllerManagerArguments() []string {
	arguments := []string{
		"allocate-node-cidrs=true",
		"authentication-kubeconfig=" + s.serverPath("cred", "controller.kubeconfig"),
		"authorization-kubeconfig=" + s.serverPath("cred", "controller.kubeconfig"),
		"bind-address=127.0.0.1",
		"cluster-cidr=" + s.clusterCIDR,
		"configure-cloud-routes=false",
		// It asks for a token for each of its thirty controllers before the first one works; at the default
		// of 20 requests a second that takes 3 s of a start.
		"kube-api-burst=200",
		"kube-api-qps=100",
		"kubeconfig=" + s.serverPath("cred", "controller.kubeconfig"),
		"profiling=false",
		"root-ca-file=" + s.tlsPath("server-ca.crt"),
		"service-account-private-key-file=" + s.tlsPath("service.key"),
		"service-cluster-ip-range=" + s.serviceCIDR,
		"use-service-account-credentials=true",
	}
	for _, signer := range []struct{ name, ca string }{
		{"kube-apiserver-client", "client-ca"}, {"kubelet-client", "client-ca"},
		{"kubelet-serving", "server-ca"}, {"legacy-unknown", "server-ca"},
	} {
		arguments = append(arguments,
			"cluster-signing-"+signer.name+"-cert-file="+s.tlsPath(signer.ca+".nochain.crt"),
			"cluster-signing-"+signer.name+"-key-file="+s.tlsPath(signer.ca+".key"))
	}
	return mergeArguments(append(arguments, leaderElection()...), s.values["kube-controller-manager-arg"])
}

func (s *server) schedulerArguments() []string {
	return mergeArguments(append([]string{
		"authentication-kubeconfig=" + s.serverPath("cred", "scheduler.kubeconfig"),
		"authorization-kubeconfig=" + s.serverPath("cred", "scheduler.kubeconfig"),
		"bind-address=127.0.0.1",
		"kubeconfig=" + s.serverPath("cred", "scheduler.kubeconfig"),
		"profiling=false",
	}, leaderElection()...), s.values["kube-scheduler-arg"])
}

// ensureEncryptionConfig makes the key that secrets are encrypted with at rest (secrets-encryption: true).
func ensureEncryptionConfig(n *node) (string, error) {
	path := n.serverPath("cred", "encryption-config.json")
	if exists(path) {
		return path, nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return "", err
	}
	secret := []map[string]string{{"name": "aescbckey", "secret": base64.StdEncoding.EncodeToString(key)}}
	content, err := json.Marshal(map[string]any{
		"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []map[string]any{{
			"resources": []string{"secrets"},
			"providers": []map[string]any{{"aescbc": map[string]any{"keys": secret}}, {"identity": map[string]any{}}},
		}},
	})
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(n.serverPath("cred"), 0o700); err != nil {
		return "", err
	}
	return path, writeFile(path, content, 0o600)
}
