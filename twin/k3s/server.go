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
	"reflect"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
)

// server is the control plane of a cluster and, beside it, the agent of its own node.
type server struct {
	*node
	processes        *processes
	pki              *serverPKI
	datastore        *datastore
	port             string
	advertiseAddress string
	clusterCIDR      string
	serviceCIDR      string
	clusterDNS       []string
	clusterDomain    string
	tokens           tokens
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
	if !n.flag("cluster-init") && n.text("server", "") == "" && !n.hasData() {
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
	return agentConfig{
		ClusterCIDR: s.clusterCIDR, ServiceCIDR: s.serviceCIDR, ClusterDNS: s.clusterDNS, ClusterDomain: s.clusterDomain, HTTPSPort: s.port,
		EncryptSecrets: s.flag("secrets-encryption"), FlannelBackend: s.text("flannel-backend", "vxlan"),
		DisableCCM: s.flag("disable-cloud-controller"), DisableHelmController: s.flag("disable-helm-controller"), DisableNPC: s.flag("disable-network-policy"),
	}
}

// prepare makes what must be on the disk before anything starts.
func (s *server) prepare() error {
	for _, directory := range []string{"tls/etcd", "tls/temporary-certs", "cred"} {
		if err := os.MkdirAll(s.serverPath(directory), 0o700); err != nil {
			return err
		}
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
	if s.flag("secrets-encryption") {
		if _, err := ensureEncryptionConfig(s.node); err != nil {
			return err
		}
	}
	return s.writeTokens()
}

// settleTokens chooses the cluster's passwords: the given ones, else those of the last start, else new ones. Whether the
// cluster's data was encrypted with this token is seen when that is read.
func (s *server) settleTokens() error {
	given, err := s.secretOption("token")
	if err != nil {
		return err
	}
	joins := s.text("server", "") != ""
	switch {
	case given != "":
		if strings.HasPrefix(given, "K10") && !joins && !s.hasData() && !s.flag("cluster-reset") {
			return errors.New("token: a cluster's first server takes the short form of the token; the K10 form, which names the CA, is for those that join it")
		}
		parsed, err := parseToken(given)
		if err != nil {
			return fmt.Errorf("failed to normalize server token; must be in format K10<CA-HASH>::<USERNAME>:<PASSWORD> or <PASSWORD>: %w", err)
		}
		s.tokens.server = parsed.password
	case joins && !s.hasData():
		return errors.New("K3S_TOKEN is required to join a cluster")
	default:
		if s.tokens.server = s.storedPassword("token"); s.tokens.server == "" {
			s.tokens.server = randomSecret()
		}
	}
	s.tokens.agent, err = s.secretOption("agent-token")
	return err
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
	if n.flag("cluster-reset") || n.text("cluster-reset-restore-path", "") != "" {
		return s.reset(ctx)
	}
	join, data, err := s.bootstrap(ctx)
	if err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: failed to bootstrap cluster data: %w", err)
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	wasReset, err := s.takeResetFlag()
	if err != nil {
		return err
	}
	if s.datastore, err = newDatastore(n, p); err != nil {
		return err
	}
	alone := join == nil && (data.members == 1 || !n.hasData())
	if alone {
		if err := s.datastore.start(ctx, nil, data); err != nil {
			return err
		}
		// With nobody to wait for, the API server may as well do its own waiting.
		if err := s.startAPI(); err != nil {
			return err
		}
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
		token: token{caHash: s.caHash(), user: "server", password: s.tokens.ofServer()}.String(),
	}
	go func() {
		if s.flag("disable-agent") {
			<-ctx.Done()
			agentDone <- ctx.Err()
			return
		}
		agentDone <- own.run(ctx)
	}()
	if !alone {
		if err := s.datastore.start(ctx, join, data); err != nil {
			return err
		}
	}
	go s.datastore.manageLearners(ctx)
	if err := s.datastore.waitReady(ctx); err != nil {
		return err
	}
	if err := s.datastore.saveBootstrap(ctx, s.tokens.ofServer()); err != nil {
		return err
	}
	if !alone {
		if err := s.startAPI(); err != nil {
			return err
		}
	}
	if err := s.startControllers(ctx, supervisor, wasReset); err != nil {
		return err
	}
	infof("k3s is up and running")
	notifyReady()
	return <-agentDone
}

func (s *server) startAPI() error {
	arguments, err := s.apiserverArguments()
	if err != nil {
		return err
	}
	return s.processes.startComponent("kube-apiserver", arguments)
}

// bootstrap settles what this server shares with the others before anything is made: from its own data, or from the server that it
// joins. The connection is there where this server has to join.
func (s *server) bootstrap(ctx context.Context) (*connection, localData, error) {
	var data localData
	if err := s.clearTombstone(); err != nil {
		return nil, data, err
	}
	if err := s.settleTokens(); err != nil {
		return nil, data, err
	}
	if s.hasData() {
		infof("Managed etcd cluster bootstrap already complete and initialized")
		return nil, data, s.reconcileOwn(ctx, &data)
	}
	url := s.text("server", "")
	if url == "" {
		infof("Managed etcd cluster initializing")
		return nil, data, nil
	}
	given, err := s.secretOption("token")
	if err != nil {
		return nil, data, err
	}
	other, err := connectOnce(ctx, url, given)
	if err != nil {
		return nil, data, fmt.Errorf("failed to check if bootstrap data has been initialized: failed to validate token: %w", err)
	}
	infof("Managed etcd cluster not yet initialized")
	if config, err := other.config(ctx); err != nil {
		warnf("Skipping cluster configuration validation: %v", err)
	} else if err := compareConfig(s.agentConfig(), config); err != nil {
		return nil, data, fmt.Errorf("failed to check if bootstrap data has been initialized: failed to validate server configuration: %w", err)
	}
	return other, data, s.reconcileWith(ctx, other)
}

// reconcileOwn brings the shared files of a server with data to what the cluster has. A server that is there counts for more than
// this one's data, which may be old: this server may have been off when the token changed.
func (s *server) reconcileOwn(ctx context.Context, data *localData) error {
	local, err := s.readLocalData()
	if err != nil {
		return err
	}
	*data = local
	if url := s.text("server", ""); url != "" {
		given, err := s.secretOption("token")
		if err == nil && given != "" {
			var other *connection
			if other, err = connectOnce(ctx, url, given); err == nil {
				err = s.reconcileWith(ctx, other)
			}
			if err == nil {
				infof("Successfully reconciled with remote datastore")
				return nil
			}
			warnf("Unable to reconcile with remote datastore: %v", err)
		}
	}
	shared, err := findBootstrap(local.bootstrap, s.tokens.server)
	if err == nil && shared != nil {
		err = s.reconcile(shared, false)
	}
	if err != nil {
		return fmt.Errorf("failed to reconcile with local datastore: %w", err)
	}
	return nil
}

func (s *server) reconcileWith(ctx context.Context, other *connection) error {
	shared, err := other.bootstrapData(ctx)
	if err != nil {
		return err
	}
	return s.reconcile(shared, false)
}

// compareConfig refuses a server whose idea of the cluster is not that of the others.
func compareConfig(own, others agentConfig) error {
	own.HTTPSPort = others.HTTPSPort
	mine, theirs := reflect.ValueOf(own), reflect.ValueOf(others)
	mismatch := false
	for index := range mine.NumField() {
		if !reflect.DeepEqual(mine.Field(index).Interface(), theirs.Field(index).Interface()) {
			errorf("critical configuration mismatched: %s", mine.Type().Field(index).Name)
			mismatch = true
		}
	}
	if mismatch {
		return errors.New("critical configuration value mismatch between servers")
	}
	return nil
}

func (s *server) caHash() string {
	hash, err := hashCA(s.pki.serverCA.bundle)
	if err != nil {
		panic(err) // the bundle has been parsed already
	}
	return hash
}

// startControllers waits for the API and starts what works on it.
func (s *server) startControllers(ctx context.Context, supervisor *supervisor, wasReset bool) error {
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
	if err := s.retry(ctx, "elected components", func() error { return releaseLeases(ctx, client) }); err != nil {
		return err
	}
	s.handOverOnStop(client)
	if err := s.processes.startComponent("kube-controller-manager", s.controllerManagerArguments()); err != nil {
		return err
	}
	if err := s.processes.startComponent("kube-scheduler", s.schedulerArguments()); err != nil {
		return err
	}
	if wasReset {
		// The password in the snapshot may be that of the node which this one replaces.
		if err := s.retry(ctx, "the node password", func() error { return forgetPassword(ctx, client, s.node.name) }); err != nil {
			return err
		}
	}
	supervisor.apiReady.Store(true)
	go supervisor.passwords.useAPI(ctx, client)
	if err := s.keepEndpoints(ctx, client); err != nil {
		return err
	}
	if err := supervisor.snapshots.schedule(ctx); err != nil {
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
