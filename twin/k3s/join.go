package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// pollInterval is the pace of waiting for a server, refusedInterval that of asking again after a refusal. K3s waits
// 2 to 5 s for either; a twin starts several times a minute.
const (
	pollInterval    = 500 * time.Millisecond
	refusedInterval = 5 * time.Second
)

var errNodePassword = errors.New("Node password rejected, duplicate hostname or contents of '" + nodePasswordFile +
	"' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag")

// connection is an agent's authenticated way to its server.
type connection struct {
	url    string
	token  token
	caCert []byte
	client *http.Client
}

// connect fetches the cluster's CA and holds it against the pin in the token, as often as it takes.
func connect(ctx context.Context, url, given string) (*connection, error) {
	parsed, err := parseToken(given)
	if err != nil {
		return nil, err
	}
	url = strings.TrimRight(url, "/")
	if !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", url)
	}
	quiet := &quietLog{}
	for {
		made, err := tryConnect(ctx, url, parsed)
		if err == nil {
			return made, nil
		}
		quiet.log("error", "Failed to validate connection to cluster at %s: %v", url, err)
		if err := pause(ctx, pollInterval); err != nil {
			return nil, err
		}
	}
}

// connectOnce is for a server that joins: where it fails the server ends, and systemd starts it again.
func connectOnce(ctx context.Context, url, given string) (*connection, error) {
	parsed, err := parseToken(given)
	if err != nil {
		return nil, err
	}
	url = strings.TrimRight(url, "/")
	if !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", url)
	}
	return tryConnect(ctx, url, parsed)
}

func tryConnect(ctx context.Context, url string, parsed token) (*connection, error) {
	// The first look cannot be verified; what it brings is verified against the token, and the second look against it.
	blind := newHTTPClient(&tls.Config{InsecureSkipVerify: true})
	bundle, err := request(ctx, blind, http.MethodGet, url+"/cacerts", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	hash, err := hashCA(bundle)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	if parsed.caHash == "" {
		warnf("Cluster CA certificate is not trusted by the host CA bundle, but the token does not include a CA hash. " +
			"Use the full token from the server's node-token file to enable Cluster CA validation.")
	} else if parsed.caHash != hash {
		return nil, fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", parsed.caHash, hash)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	client := newHTTPClient(&tls.Config{RootCAs: roots})
	if _, err := request(ctx, client, http.MethodGet, url+"/cacerts", nil, nil); err != nil {
		return nil, fmt.Errorf("CA cert validation failed: %w", err)
	}
	parsed.caHash = hash
	return &connection{url: url, token: parsed, caCert: bundle, client: client}, nil
}

func newHTTPClient(config *tls.Config) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
}

func request(ctx context.Context, client *http.Client, method, url string, body []byte, prepare func(*http.Request)) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if prepare != nil {
		prepare(r)
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, &statusError{code: response.StatusCode, text: url + ": " + response.Status, answer: content}
	}
	return content, nil
}

type statusError struct {
	code   int
	text   string
	answer []byte
}

func (e *statusError) Error() string { return e.text }

func (c *connection) get(ctx context.Context, name string) ([]byte, error) {
	return request(ctx, c.client, http.MethodGet, c.url+"/v1-k3s/"+name, nil, c.authenticate)
}

// authenticate says "node" whoever the token is for, as K3s's agents do: a server's token also joins agents.
func (c *connection) authenticate(r *http.Request) {
	r.SetBasicAuth("node", c.token.password)
}

// config asks the server what the cluster looks like.
func (c *connection) config(ctx context.Context) (agentConfig, error) {
	var config agentConfig
	content, err := c.get(ctx, "config")
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	if err != nil {
		return config, fmt.Errorf("failed to retrieve configuration from server: %w", err)
	}
	return config, nil
}

// certificate has the server sign a key that never leaves this node. With a node password the request is for the
// node's own name.
func (c *connection) certificate(ctx context.Context, n *node, name, nodePassword string) error {
	path := n.agentPath(name + ".crt")
	key, err := ensureKey(n.agentPath(name + ".key"))
	if err != nil {
		return err
	}
	signing, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return err
	}
	signed, err := request(ctx, c.client, http.MethodPost, c.url+"/v1-k3s/"+filepath.Base(path), signing, func(r *http.Request) {
		c.authenticate(r)
		if nodePassword != "" {
			r.Header.Set("k3s-Node-Name", n.name)
			r.Header.Set("k3s-Node-Password", nodePassword)
			r.Header.Set("k3s-Node-IP", n.address.String())
		}
	})
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusForbidden {
		return fmt.Errorf("%s: %w", path, errNodePassword)
	}
	if err != nil {
		return err
	}
	return writeFile(path, signed, 0o600)
}

// fetchIdentity brings all that the node's components need to talk to the API at apiURL.
func (c *connection) fetchIdentity(ctx context.Context, n *node, apiURL string) error {
	for _, name := range []string{"client-ca.crt", "server-ca.crt"} {
		content, err := c.get(ctx, name)
		if err != nil {
			return err
		}
		if err := writeFile(n.agentPath(name), content, 0o600); err != nil {
			return err
		}
	}
	password, err := ensureNodePassword()
	if err != nil {
		return err
	}
	for _, certificate := range []struct{ name, password, kubeconfig string }{
		{"serving-kubelet", password, ""},
		{"client-kubelet", password, "kubelet.kubeconfig"},
		{"client-kube-proxy", "", "kubeproxy.kubeconfig"},
		{"client-k3s-controller", "", "k3scontroller.kubeconfig"},
	} {
		if err := c.certificate(ctx, n, certificate.name, certificate.password); err != nil {
			return err
		}
		if certificate.kubeconfig == "" {
			continue
		}
		path := n.agentPath(certificate.name)
		if err := writeKubeconfig(n.agentPath(certificate.kubeconfig), apiURL, n.agentPath("server-ca.crt"), path+".crt", path+".key"); err != nil {
			return err
		}
	}
	return nil
}

// retryAfter is how long to wait after an error of the server's.
func retryAfter(err error) time.Duration {
	var status *statusError
	if errors.Is(err, errNodePassword) || (errors.As(err, &status) && status.code == http.StatusUnauthorized) {
		return refusedInterval
	}
	return pollInterval
}

// pause waits, unless the launcher is told to stop.
func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}
