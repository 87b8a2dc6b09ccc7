package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
)

// server is the control plane of a cluster and, beside it, the agent of its own node.
type server struct {
	*node
	processes         *processes
	pki               *serverPKI
	port              string
	advertiseAddress  string
	clusterCIDR       string
	serviceCIDR       string
	clusterDNS        []string
	clusterDomain     string
	token, agentToken string
}

func newServer(n *node, p *processes) (*server, error) {
	s := &server{
		node: n, processes: p,
		port:             n.text("https-listen-port", "6443"),
		advertiseAddress: n.text("advertise-address", n.address.String()),
		clusterCIDR:      strings.Join(n.items("cluster-cidr", "10.42.0.0/16"), ","),
		serviceCIDR:      strings.Join(n.items("service-cidr", "10.43.0.0/16"), ","),
		clusterDNS:       n.items("cluster-dns", "10.43.0.10"),
		clusterDomain:    n.text("cluster-domain", "cluster.local"),
	}
	for name, cidr := range map[string]string{"cluster-cidr": s.clusterCIDR, "service-cidr": s.serviceCIDR} {
		if ip, _, err := net.ParseCIDR(cidr); err != nil || ip.To4() == nil {
			return nil, fmt.Errorf("%s: the twin knows one IPv4 range, not %q", name, cidr)
		}
	}
	if _, err := s.portNumber(); err != nil {
		return nil, err
	}
	if !n.flag("cluster-init") {
		infof("Without cluster-init K3s keeps its state in SQLite; the twin always uses embedded etcd")
	}
	return s, nil
}

func (s *server) portNumber() (int32, error) {
	port, err := strconv.ParseUint(s.port, 10, 16)
	if err != nil || port == 0 || s.port == "6444" {
		return 0, fmt.Errorf("https-listen-port: %q is not a free port number", s.port)
	}
	return int32(port), nil
}

func (s *server) agentConfig() agentConfig {
	return agentConfig{s.clusterCIDR, s.serviceCIDR, s.clusterDNS, s.clusterDomain, s.port}
}

// prepare makes what must be on the disk before anything starts.
func (s *server) prepare() error {
	for _, directory := range []string{"tls/etcd", "tls/temporary-certs", "cred"} {
		if err := os.MkdirAll(s.serverPath(directory), 0o700); err != nil {
			return err
		}
	}
	if err := s.settleTokens(); err != nil {
		return err
	}
	serviceIP, _, err := net.ParseCIDR(s.serviceCIDR)
	if err != nil {
		return err
	}
	first := serviceIP.To4()
	first[3]++
	sans := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + s.clusterDomain, "localhost", s.node.name,
		"127.0.0.1", "::1", first.String(), s.address.String(), s.advertiseAddress,
	}, s.items("tls-san")...)
	if s.pki, err = ensureServerPKI(s.node, sans); err != nil {
		return err
	}
	for name, certificate := range map[string]string{
		"admin": "client-admin", "supervisor": "client-supervisor", "controller": "client-controller", "scheduler": "client-scheduler",
	} {
		path := s.tlsPath(certificate)
		if err := writeKubeconfig(s.serverPath("cred", name+".kubeconfig"), "https://"+apiAddress, s.tlsPath("server-ca.crt"), path+".crt", path+".key"); err != nil {
			return err
		}
	}
	if err := writeAdminKubeconfig(s.node, s.port); err != nil {
		return err
	}
	return s.writeTokens()
}

// settleTokens chooses the cluster's passwords: the given ones, else those of the first start, else new ones.
// K3s encrypts its bootstrap data with the server's token, so another token later is refused.
func (s *server) settleTokens() error {
	given, err := s.secretOption("token")
	if err != nil {
		return err
	}
	if strings.HasPrefix(given, "K10") {
		return errors.New("token: a cluster's first server takes the short form of the token; the K10 form, which names the CA, is for those that join it")
	}
	stored := s.storedPassword("token")
	switch {
	case given == "" && stored == "":
		s.token = randomSecret()
	case given == "":
		s.token = stored
	case stored != "" && stored != given:
		return errors.New("bootstrap data already found and encrypted with different token")
	default:
		s.token = given
	}
	if s.agentToken, err = s.secretOption("agent-token"); err != nil {
		return err
	}
	if s.agentToken == "" {
		s.agentToken = s.token
	}
	return nil
}

func (s *server) storedPassword(name string) string {
	content, err := os.ReadFile(s.serverPath(name))
	if err != nil {
		return ""
	}
	parsed, err := parseToken(strings.TrimSpace(string(content)))
	if err != nil {
		return ""
	}
	return parsed.password
}

func runServer(ctx context.Context, n *node, p *processes, failed chan<- error) error {
	s, err := newServer(n, p)
	if err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	etcdConfig, err := writeEtcdConfig(n)
	if err != nil {
		return err
	}
	if err := p.startComponent("etcd", []string{"--config-file=" + etcdConfig}); err != nil {
		return err
	}
	arguments, err := s.apiserverArguments()
	if err != nil {
		return err
	}
	if err := p.startComponent("kube-apiserver", arguments); err != nil {
		return err
	}
	supervisor, err := newSupervisor(s)
	if err != nil {
		return err
	}
	if err := supervisor.serve(ctx, failed); err != nil {
		return err
	}
	agentDone := make(chan error, 1)
	own := &agent{
		node: n, processes: p, apiURL: "https://" + apiAddress, serverURL: "https://127.0.0.1:" + s.port,
		token: token{caHash: s.caHash(), user: "server", password: s.token}.String(),
	}
	go func() { agentDone <- own.run(ctx) }()
	if err := s.startControllers(ctx, supervisor); err != nil {
		return err
	}
	infof("k3s is up and running")
	notifyReady()
	return <-agentDone
}

func (s *server) caHash() string {
	hash, err := hashCA(s.pki.serverCA.bundle)
	if err != nil {
		panic(err) // the bundle has been parsed already
	}
	return hash
}

// startControllers waits for the API and starts what works on it.
func (s *server) startControllers(ctx context.Context, supervisor *supervisor) error {
	if err := s.waitForAPI(ctx); err != nil {
		return err
	}
	infof("Kube API server is now running")
	client, config, err := newClient(s.serverPath("cred", "supervisor.kubeconfig"))
	if err != nil {
		return err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := s.processes.startComponent("kube-controller-manager", s.controllerManagerArguments()); err != nil {
		return err
	}
	if err := s.processes.startComponent("kube-scheduler", s.schedulerArguments()); err != nil {
		return err
	}
	supervisor.apiReady.Store(true)
	go supervisor.passwords.useAPI(ctx, client)
	if err := s.retry(ctx, "the API's endpoint", func() error { return s.publishEndpoint(ctx, client) }); err != nil {
		return err
	}
	if err := s.deployAddons(ctx, objects); err != nil {
		return err
	}
	s.followNodes(ctx, client)
	return nil
}

func (s *server) waitForAPI(ctx context.Context) error {
	certificate, err := tls.LoadX509KeyPair(s.tlsPath("client-supervisor.crt"), s.tlsPath("client-supervisor.key"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.pki.serverCA.bundle)
	client := newHTTPClient(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}})
	quiet := &quietLog{}
	for {
		_, err := request(ctx, client, http.MethodGet, "https://"+apiAddress+"/readyz", nil, nil)
		if err == nil {
			return nil
		}
		quiet.log("info", "Waiting for API server to become available: %v", err)
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
