package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tokens are the passwords that let servers and agents in. An empty agent's password is the server's.
type tokens struct {
	mutex         sync.RWMutex
	server, agent string
}

func (t *tokens) ofServer() string {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return t.server
}

func (t *tokens) ofAgent() string {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if t.agent == "" {
		return t.server
	}
	return t.agent
}

func (t *tokens) rotate(server string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.server = server
}

func (t *tokens) isServer(password string) bool { return samePassword(password, t.ofServer()) }
func (t *tokens) isAgent(password string) bool  { return samePassword(password, t.ofAgent()) }

func samePassword(one, other string) bool {
	return subtle.ConstantTimeCompare([]byte(one), []byte(other)) == 1
}

// etcdMembers is what /db/info says, for servers that join.
type etcdMembers struct {
	Members []*etcdserverpb.Member `json:"members"`
}

// serverRoutes are those that only servers may use, and the list of servers for agents.
func (v *supervisor) serverRoutes(own, agents *http.ServeMux) {
	own.Handle("GET /v1-k3s/server-bootstrap", v.requireServer(v.sendBootstrap))
	own.Handle("PUT /v1-k3s/token", v.requireServer(v.rotateToken))
	own.Handle("/db/info", v.requireServer(v.sendMembers))
	agents.HandleFunc("GET /v1-k3s/apiservers", v.sendServers)
}

// requireServer lets in who knows the server's token, as a server.
func (v *supervisor) requireServer(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "server" || !v.tokens.isServer(password) {
			refuse(w, r)
			return
		}
		next(w, r)
	})
}

func (v *supervisor) sendBootstrap(w http.ResponseWriter, _ *http.Request) {
	data, err := v.readBootstrapData()
	if err != nil {
		sendError(w, http.StatusInternalServerError, err.Error())
		return
	}
	sendJSON(w, data)
}

// sendMembers names the members of etcd, or this one alone while there is no list.
func (v *supervisor) sendMembers(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), etcdTimeout/5)
	defer cancel()
	list, err := v.datastore.client.MemberList(ctx)
	if err != nil {
		sendJSON(w, etcdMembers{Members: []*etcdserverpb.Member{{
			Name: v.datastore.member, PeerURLs: []string{v.peerURL()}, ClientURLs: []string{v.clientURL()},
		}}})
		return
	}
	sendJSON(w, etcdMembers{Members: list.Members})
}

// sendServers lists the addresses of all servers, as they stand behind the Service "kubernetes".
func (v *supervisor) sendServers(w http.ResponseWriter, r *http.Request) {
	client := v.passwords.client.Load()
	if client == nil {
		sendError(w, http.StatusServiceUnavailable, "runtime core not ready")
		return
	}
	endpoints, err := client.CoreV1().Endpoints(metav1.NamespaceDefault).Get(r.Context(), "kubernetes", metav1.GetOptions{})
	if err != nil {
		sendError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	servers := []string{}
	for _, subset := range endpoints.Subsets {
		for _, address := range subset.Addresses {
			for _, port := range subset.Ports {
				servers = append(servers, net.JoinHostPort(address.IP, strconv.Itoa(int(port.Port))))
			}
		}
	}
	sendJSON(w, servers)
}

func sendJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// rotateToken gives the cluster another token. The servers' options still name the old one: they are to be changed and
// the servers restarted.
func (v *supervisor) rotateToken(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		NewToken *string `json:"newToken"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked); err != nil {
		sendError(w, http.StatusBadRequest, err.Error())
		return
	}
	wanted := ""
	if asked.NewToken != nil {
		wanted = *asked.NewToken
	}
	if err := v.replaceToken(r.Context(), wanted); err != nil {
		errorf("Token rotation failed: %v", err)
		sendError(w, http.StatusInternalServerError, err.Error())
	}
}

func (s *server) replaceToken(ctx context.Context, wanted string) error {
	if wanted == "" {
		wanted = randomSecret()
	}
	parsed, err := parseToken(wanted)
	if err != nil {
		return fmt.Errorf("failed to normalize token; must be in format K10<CA-HASH>::<USERNAME>:<PASSWORD> or <PASSWORD>: %w", err)
	}
	old := s.tokens.ofServer()
	if parsed.password == old {
		return nil
	}
	if err := s.datastore.rotateBootstrap(ctx, old, parsed.password); err != nil {
		return err
	}
	s.tokens.rotate(parsed.password)
	return s.writeTokens()
}
