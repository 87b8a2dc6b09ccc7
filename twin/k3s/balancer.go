package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	balancerName = "k3s-agent-load-balancer"
	// dialLimit is short: a server that lost its power does not refuse, it is silent.
	dialLimit = 3 * time.Second
)

// balancer is K3s's client load balancer: an agent's components know one address of their own node, and the balancer
// takes their connections to a server that lives. TLS passes through it untouched.
type balancer struct {
	listener net.Listener
	path     string
	// serverURL is the configured one; fallback is its address, used when no other server answers.
	serverURL, fallback string

	mutex   sync.Mutex
	servers []string
	active  string
	failed  map[string]bool
	open    map[string]map[*passage]struct{}
}

// passage is one client's connection and its way on to a server.
type passage struct {
	client, server net.Conn
}

func (p *passage) close() {
	p.client.Close()
	p.server.Close()
}

// remembered is the balancer's file, with K3s's fields.
type remembered struct {
	ServerURL       string
	ServerAddresses []string
}

// startBalancer listens and knows the configured server, or those it knew when it last ran for the same one.
func startBalancer(path, serverURL, port string) (*balancer, error) {
	fallback, err := serverAddress(serverURL)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	b := &balancer{
		listener: listener, path: path, serverURL: serverURL, fallback: fallback,
		failed: map[string]bool{}, open: map[string]map[*passage]struct{}{},
	}
	servers := []string{fallback}
	var last remembered
	if content, err := os.ReadFile(path); err == nil && json.Unmarshal(content, &last) == nil {
		if last.ServerURL == serverURL && len(last.ServerAddresses) > 0 {
			servers = last.ServerAddresses
		}
	}
	b.setServers(servers)
	infof("Running load balancer %s %s -> %v [default: %s]", balancerName, listener.Addr(), servers, fallback)
	go b.serve()
	return b, nil
}

// serverAddress is the host:port of a server's URL.
func serverAddress(serverURL string) (string, error) {
	parsed, err := url.Parse(serverURL)
	if err != nil || parsed.Scheme != "https" || parsed.Hostname() == "" {
		return "", fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", serverURL)
	}
	port := parsed.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(parsed.Hostname(), port), nil
}

// url is what the node's components are told.
func (b *balancer) url() string {
	return "https://" + b.listener.Addr().String()
}

func (b *balancer) serve() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.pass(client)
	}
}

func (b *balancer) pass(client net.Conn) {
	for _, address := range b.order() {
		server, err := net.DialTimeout("tcp", address, dialLimit)
		if err != nil {
			b.setHealth(address, false, "failed dial")
			continue
		}
		way := &passage{client: client, server: server}
		if !b.opened(address, way) {
			server.Close()
			continue
		}
		defer b.closed(address, way)
		way.run()
		return
	}
	client.Close()
}

// run copies both ways until both sides are done.
func (p *passage) run() {
	done := make(chan struct{}, 2)
	copyTo := func(to, from net.Conn) {
		io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
		done <- struct{}{}
	}
	go copyTo(p.server, p.client)
	go copyTo(p.client, p.server)
	<-done
	<-done
	p.close()
}

// order is the one in which servers are tried now.
func (b *balancer) order() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return dialOrder(b.servers, b.active, b.fallback, b.failed)
}

// dialOrder puts the server in use first, then those that answer, then the configured one, then those that did not
// answer when last asked: a health check can be wrong on a busy node, and without it there would be none left.
func dialOrder(servers []string, active, fallback string, failed map[string]bool) []string {
	var order []string
	add := func(address string, wanted bool) {
		if wanted && !slices.Contains(order, address) {
			order = append(order, address)
		}
	}
	add(active, slices.Contains(servers, active) && !failed[active])
	for _, address := range servers {
		add(address, !failed[address])
	}
	add(fallback, !failed[fallback])
	for _, address := range servers {
		add(address, true)
	}
	add(fallback, true)
	return order
}

// opened notes a connection, unless its server has left the list meanwhile.
func (b *balancer) opened(address string, way *passage) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if address != b.fallback && !slices.Contains(b.servers, address) {
		return false
	}
	if b.open[address] == nil {
		b.open[address] = map[*passage]struct{}{}
	}
	b.open[address][way] = struct{}{}
	delete(b.failed, address)
	if b.active != address {
		infof("Server %s->ACTIVE from successful dial", address)
		b.active = address
	}
	return true
}

func (b *balancer) closed(address string, way *passage) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.open[address], way)
}

// setServers replaces the list. Connections to servers that are not in it any more are closed, so that nothing hangs on
// one that is gone; that goes for the configured server too, once others are known.
func (b *balancer) setServers(servers []string) {
	if len(servers) == 0 {
		return
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(servers)))
	b.mutex.Lock()
	before := slices.Sorted(slices.Values(b.servers))
	if slices.Equal(before, sorted) {
		b.mutex.Unlock()
		return
	}
	for _, address := range sorted {
		if !slices.Contains(before, address) {
			infof("Adding server to load balancer %s: %s", balancerName, address)
			delete(b.failed, address)
		}
	}
	var gone []*passage
	for _, address := range before {
		if !slices.Contains(sorted, address) {
			infof("Removing server from load balancer %s: %s", balancerName, address)
			gone = append(gone, b.takeOpen(address)...)
		}
	}
	if !slices.Contains(sorted, b.fallback) {
		gone = append(gone, b.takeOpen(b.fallback)...)
	}
	// Each agent in an order of its own, so that they don't all use the same server.
	b.servers = slices.Clone(sorted)
	rand.Shuffle(len(b.servers), func(one, other int) { b.servers[one], b.servers[other] = b.servers[other], b.servers[one] })
	b.mutex.Unlock()

	infof("Updated load balancer %s server addresses -> %v [default: %s]", balancerName, sorted, b.fallback)
	if err := b.remember(sorted); err != nil {
		warnf("Error updating load balancer %s config: %v", balancerName, err)
	}
	closeAll(gone)
}

func (b *balancer) remember(servers []string) error {
	content, err := json.MarshalIndent(remembered{b.serverURL, servers}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(b.path, content, 0o600)
}

// setHealth notes whether a server answers. When another one does, connections to one that stopped answering are closed.
func (b *balancer) setHealth(address string, healthy bool, why string) {
	b.mutex.Lock()
	known := address == b.fallback || slices.Contains(b.servers, address)
	if !known || b.failed[address] == !healthy {
		b.mutex.Unlock()
		return
	}
	var stuck []*passage
	if healthy {
		delete(b.failed, address)
		infof("Server %s->RECOVERING from %s", address, why)
	} else {
		b.failed[address] = true
		infof("Server %s->FAILED from %s", address, why)
		if slices.ContainsFunc(b.servers, func(other string) bool { return !b.failed[other] }) {
			stuck = b.takeOpen(address)
		}
	}
	b.mutex.Unlock()
	if len(stuck) > 0 {
		infof("Closing %d connections to load balancer server %s", len(stuck), address)
	}
	closeAll(stuck)
}

// takeOpen gives the connections to a server away to be closed; the mutex is the caller's.
func (b *balancer) takeOpen(address string) []*passage {
	var ways []*passage
	for way := range b.open[address] {
		ways = append(ways, way)
	}
	delete(b.open, address)
	if b.active == address {
		b.active = ""
	}
	return ways
}

func closeAll(ways []*passage) {
	for _, way := range ways {
		way.close()
	}
}
