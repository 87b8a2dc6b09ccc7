package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"go.yaml.in/yaml/v3"
)

// etcdStart says how etcd begins when it has no data yet.
type etcdStart struct {
	// cluster lists the members as name=peer-url.
	cluster []string
	// state is "new" or "existing".
	state string
	// quick is for the only member and for one that joins, which waits for three election timeouts when its first words to the
	// leader are lost. The others leave each other more time.
	quick bool
	// reset makes a cluster of this member alone from the data of a larger one.
	reset bool
}

// etcdDirectory is K3s's <data-dir>/server/db/etcd; beside etcd's own data it holds this member's name and etcd's configuration.
func (n *node) etcdDirectory(parts ...string) string {
	return n.serverPath(append([]string{"db", "etcd"}, parts...)...)
}

func (n *node) clientURL() string { return fmt.Sprintf("https://%s:2379", n.address) }
func (n *node) peerURL() string   { return fmt.Sprintf("https://%s:2380", n.address) }

// ensureMemberName names this member: <node>-<8 hex digits>, for as long as its data is there.
func (n *node) ensureMemberName() (string, error) {
	if name, err := os.ReadFile(n.etcdDirectory("name")); err == nil && len(name) > 0 {
		return strings.TrimSpace(string(name)), nil
	}
	if err := os.MkdirAll(n.etcdDirectory(), 0o700); err != nil {
		return "", err
	}
	name := n.name + "-" + randomSecret()[:8]
	return name, writeFile(n.etcdDirectory("name"), []byte(name), 0o600)
}

// readEtcdStart is how etcd was last told to begin: a member that lost its power before its first entry begins so again.
func (n *node) readEtcdStart() etcdStart {
	var last struct {
		Cluster string `json:"initial-cluster"`
		State   string `json:"initial-cluster-state"`
	}
	content, err := os.ReadFile(n.etcdDirectory("config"))
	if err != nil || json.Unmarshal(content, &last) != nil || last.Cluster == "" {
		return etcdStart{}
	}
	return etcdStart{cluster: strings.Split(last.Cluster, ","), state: last.State}
}

// writeEtcdConfig writes <data-dir>/server/db/etcd/config, where K3s has it too. Every write is synced to disk
// before it is acknowledged, etcd's default: a power cut must not lose what the API has confirmed.
func writeEtcdConfig(n *node, member string, start etcdStart) (string, error) {
	if err := os.MkdirAll(n.etcdDirectory(), 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(n.etcdDirectory(), 0o700); err != nil {
		return "", err
	}
	security := func(certificate, ca string) map[string]any {
		return map[string]any{
			"cert-file": n.tlsPath("etcd", certificate+".crt"), "key-file": n.tlsPath("etcd", certificate+".key"),
			"trusted-ca-file": n.tlsPath("etcd", ca+".crt"), "client-cert-auth": true,
		}
	}
	metrics := "http://127.0.0.1:2381"
	if n.flag("etcd-expose-metrics") {
		metrics = fmt.Sprintf("http://%s:2381,%s", n.address, metrics)
	}
	config := map[string]any{
		"name":                        member,
		"data-dir":                    n.etcdDirectory(),
		"log-level":                   "warn",
		"listen-client-urls":          n.clientURL() + ",https://127.0.0.1:2379",
		"advertise-client-urls":       n.clientURL(),
		"listen-metrics-urls":         metrics,
		"listen-peer-urls":            n.peerURL(),
		"initial-advertise-peer-urls": n.peerURL(),
		"initial-cluster":             strings.Join(start.cluster, ","),
		"initial-cluster-state":       start.state,
		"heartbeat-interval":          100,
		"election-timeout":            1000,
		"client-transport-security":   security("server-client", "server-ca"),
		"peer-transport-security":     security("peer-server-client", "peer-ca"),
	}
	if !start.quick {
		// K3s's figures, for boards and networks that are slow.
		config["heartbeat-interval"], config["election-timeout"] = 500, 5000
	}
	if start.reset {
		config["force-new-cluster"] = true
	}
	for _, argument := range n.values["etcd-arg"] {
		name, value, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		var typed any
		if err := yaml.Unmarshal([]byte(value), &typed); err != nil {
			return "", fmt.Errorf("etcd-arg %s: %w", name, err)
		}
		config[name] = typed
	}
	// JSON is YAML, which is what etcd reads.
	content, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", err
	}
	path := n.etcdDirectory("config")
	return path, writeFile(path, append(content, '\n'), 0o600)
}

func etcdCommand() *cobra.Command {
	var configFile string
	command := &cobra.Command{Use: "etcd", RunE: func(*cobra.Command, []string) error {
		config, err := embed.ConfigFromFile(configFile)
		if err != nil {
			return err
		}
		// etcd's own command fills this in; without it each request is logged as too slow, some a second with leader election.
		config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		server, err := embed.StartEtcd(config)
		if err != nil {
			return err
		}
		select {
		case <-stop:
			server.Close()
			return nil
		case err := <-server.Err():
			// When etcd stops by itself, its listeners complain first.
			select {
			case <-server.Server.StopNotify():
			case <-time.After(2 * time.Second):
				server.Close()
				return err
			}
		case <-server.Server.StopNotify():
		}
		// etcd stops by itself for one reason only: the others have removed this member. As in K3s the process stays, and
		// the next start finds the tombstone.
		if err := writeFile(filepath.Join(config.Dir, tombstone), nil, 0o600); err != nil {
			return err
		}
		infof("This node has been removed from the cluster - please restart k3s to rejoin the cluster")
		go server.Close()
		<-stop
		return nil
	}}
	command.Flags().StringVar(&configFile, "config-file", "", "path of the server's configuration")
	return command
}
