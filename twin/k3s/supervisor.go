package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// supervisor answers on K3s's public port: its own paths first, the Kubernetes API behind them.
type supervisor struct {
	*server
	passwords *nodePasswords
	snapshots *snapshots
	api       http.Handler
	apiReady  atomic.Bool
}

// agentConfig is what an agent has to know of the cluster; the names are those of K3s's /v1-k3s/config.
type agentConfig struct {
	ClusterCIDR   string
	ServiceCIDR   string
	ClusterDNS    []string
	ClusterDomain string
	HTTPSPort     string

	EncryptSecrets        bool
	FlannelBackend        string
	DisableCCM            bool
	DisableHelmController bool
	DisableNPC            bool
}

func newSupervisor(s *server) (*supervisor, error) {
	api, err := newAPIProxy(s)
	if err != nil {
		return nil, err
	}
	return &supervisor{server: s, passwords: newNodePasswords(s.node), snapshots: &snapshots{node: s.node}, api: api}, nil
}

// serve listens at once, long before there is an API: agents get certificates and the cluster's CA meanwhile.
func (v *supervisor) serve(ctx context.Context, failed chan<- error) error {
	certificate, err := tls.LoadX509KeyPair(v.tlsPath("serving-kube-apiserver.crt"), v.tlsPath("serving-kube-apiserver.key"))
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(v.pki.clientCA.bundle)
	web := &http.Server{
		Handler:           v.routes(),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // handshakes that clients break off; K3s doesn't log them either
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			MinVersion:   tls.VersionTLS12,
			ClientAuth:   tls.RequestClientCert,
			ClientCAs:    clients,
		},
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(v.text("bind-address", ""), v.port))
	if err != nil {
		return err
	}
	go func() { failed <- web.ServeTLS(listener, "", "") }()
	context.AfterFunc(ctx, func() { web.Close() })
	return nil
}

func (v *supervisor) routes() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { sendText(w, []byte("pong")) })
	own.HandleFunc("/cacerts", func(w http.ResponseWriter, _ *http.Request) { sendText(w, v.pki.serverCA.bundle) })
	own.HandleFunc("POST /db/snapshot", v.handleSnapshots)
	agents := http.NewServeMux()
	own.Handle("/v1-k3s/", v.requireAgent(agents))
	agents.HandleFunc("/v1-k3s/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !v.apiReady.Load() {
			sendError(w, http.StatusServiceUnavailable, "runtime core not ready")
			return
		}
		sendText(w, []byte("ok"))
	})
	agents.HandleFunc("/v1-k3s/config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v.agentConfig())
	})
	agents.HandleFunc("/v1-k3s/server-ca.crt", func(w http.ResponseWriter, _ *http.Request) { sendText(w, v.pki.serverCA.bundle) })
	agents.HandleFunc("/v1-k3s/client-ca.crt", func(w http.ResponseWriter, _ *http.Request) { sendText(w, v.pki.clientCA.bundle) })
	agents.HandleFunc("POST /v1-k3s/serving-kubelet.crt", v.forNode(func(w http.ResponseWriter, r *http.Request, name string) {
		addresses := []net.IP{net.IPv4(127, 0, 0, 1)}
		for _, given := range strings.Split(r.Header.Get("k3s-Node-IP"), ",") {
			address := net.ParseIP(given)
			if address == nil {
				sendError(w, http.StatusBadRequest, "invalid node IP address "+given)
				return
			}
			addresses = append(addresses, address)
		}
		v.sign(w, r, v.pki.serverCA, identity{name: name, names: []string{name, "localhost"}, ips: addresses, purpose: serverPurpose})
	}))
	agents.HandleFunc("POST /v1-k3s/client-kubelet.crt", v.forNode(func(w http.ResponseWriter, r *http.Request, name string) {
		v.sign(w, r, v.pki.clientCA, identity{name: "system:node:" + name, groups: []string{"system:nodes"}, purpose: clientPurpose})
	}))
	agents.HandleFunc("POST /v1-k3s/client-kube-proxy.crt", func(w http.ResponseWriter, r *http.Request) {
		v.sign(w, r, v.pki.clientCA, identity{name: "system:kube-proxy", purpose: clientPurpose})
	})
	agents.HandleFunc("POST /v1-k3s/client-k3s-controller.crt", func(w http.ResponseWriter, r *http.Request) {
		v.sign(w, r, v.pki.clientCA, identity{name: controllerUser, purpose: clientPurpose})
	})
	v.serverRoutes(own, agents)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A ServeMux redirects paths that it thinks unclean; those of the API are none of its business.
		if r.URL.Path == "/ping" || r.URL.Path == "/cacerts" || strings.HasPrefix(r.URL.Path, "/v1-k3s/") || strings.HasPrefix(r.URL.Path, "/db/") {
			own.ServeHTTP(w, r)
		} else if !v.apiReady.Load() {
			sendError(w, http.StatusServiceUnavailable, "apiserver not ready")
		} else {
			v.api.ServeHTTP(w, r)
		}
	})
}

// requireAgent lets in who knows the server's token or the agents' token.
func (v *supervisor) requireAgent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !v.tokens.isServer(password) && (user == "server" || !v.tokens.isAgent(password)) {
			refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, r *http.Request) {
	errorf("Failed to authenticate request from %s: invalid username/password combination", r.RemoteAddr)
	sendError(w, http.StatusUnauthorized, "not authorized")
}

// forNode lets a node have certificates in its own name only: it must know the password it joined with.
func (v *supervisor) forNode(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, password := strings.ToLower(r.Header.Get("k3s-Node-Name")), r.Header.Get("k3s-Node-Password")
		if name == "" || password == "" {
			sendError(w, http.StatusBadRequest, "node name or node password not set")
			return
		}
		if code, err := v.passwords.check(r.Context(), name, password); err != nil {
			if code == http.StatusForbidden {
				errorf("Refused certificates for node %s from %s: %v", name, r.RemoteAddr, err)
			}
			sendError(w, code, err.Error())
			return
		}
		next(w, r, name)
	}
}

// sign answers a signing request with a certificate for the key in it; names and purpose are the server's choice.
func (v *supervisor) sign(w http.ResponseWriter, r *http.Request, ca *authority, who identity) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		sendError(w, http.StatusBadRequest, err.Error())
		return
	}
	request, err := x509.ParseCertificateRequest(body)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		sendError(w, http.StatusBadRequest, fmt.Sprintf("not a certificate signing request: %v", err))
		return
	}
	signed, err := ca.sign(who, request.PublicKey)
	if err != nil {
		sendError(w, http.StatusInternalServerError, err.Error())
		return
	}
	sendText(w, signed)
}

func sendText(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write(text)
}

// sendError answers in the API's own form, so that kubectl shows the message.
func sendError(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure",
		"message": message, "reason": strings.ReplaceAll(http.StatusText(code), " ", ""), "code": code,
	})
}

// writeTokens writes the tokens for joining, where K3s has them.
func (s *server) writeTokens() error {
	hash, err := hashCA(s.pki.serverCA.bundle)
	if err != nil {
		return err
	}
	full := token{caHash: hash, user: "server", password: s.tokens.ofServer()}.String() + "\n"
	if err := writeFile(s.serverPath("token"), []byte(full), 0o600); err != nil {
		return err
	}
	if !exists(s.serverPath("node-token")) {
		if err := os.Symlink(s.serverPath("token"), s.serverPath("node-token")); err != nil {
			return err
		}
	}
	agent := token{caHash: hash, user: "node", password: s.tokens.ofAgent()}.String() + "\n"
	return writeFile(s.serverPath("agent-token"), []byte(agent), 0o600)
}
