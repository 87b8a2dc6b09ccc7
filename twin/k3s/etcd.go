package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// writeEtcdConfig writes <data-dir>/server/db/etcd/config, where K3s has it too. Every write is synced to disk
// before it is acknowledged, etcd's default: a power cut must not lose what the API has confirmed.
func writeEtcdConfig(n *node) (string, error) {
	directory := n.serverPath("db", "etcd")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", err
	}
	namePath := n.serverPath("db", "etcd", "name")
	name, err := os.ReadFile(namePath)
	if err != nil {
		name = []byte(n.name + "-" + randomSecret()[:8])
		if err := writeFile(namePath, name, 0o600); err != nil {
			return "", err
		}
	}
	member := strings.TrimSpace(string(name))
	client, peer := fmt.Sprintf("https://%s:2379", n.address), fmt.Sprintf("https://%s:2380", n.address)
	security := func(certificate, ca string) map[string]any {
		return map[string]any{
			"cert-file": n.tlsPath("etcd", certificate+".crt"), "key-file": n.tlsPath("etcd", certificate+".key"),
			"trusted-ca-file": n.tlsPath("etcd", ca+".crt"), "client-cert-auth": true,
		}
	}
	// JSON is YAML, which is what etcd reads.
	content, err := json.MarshalIndent(map[string]any{
		"name":                        member,
		"data-dir":                    directory,
		"log-level":                   "warn",
		"listen-client-urls":          client + ",https://127.0.0.1:2379",
		"advertise-client-urls":       client,
		"listen-peer-urls":            peer,
		"initial-advertise-peer-urls": peer,
		"initial-cluster":             member + "=" + peer,
		"client-transport-security":   security("server-client", "server-ca"),
		"peer-transport-security":     security("peer-server-client", "peer-ca"),
	}, "", "  ")
	if err != nil {
		return "", err
	}
	path := n.serverPath("db", "etcd", "config")
	return path, writeFile(path, append(content, '\n'), 0o600)
}

func etcdCommand() *cobra.Command {
	var configFile string
	command := &cobra.Command{Use: "etcd", RunE: func(*cobra.Command, []string) error {
		config, err := embed.ConfigFromFile(configFile)
		if err != nil {
			return err
		}
		server, err := embed.StartEtcd(config)
		if err != nil {
			return err
		}
		defer server.Close()
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		select {
		case <-stop:
			return nil
		case err := <-server.Err():
			return err
		}
	}}
	command.Flags().StringVar(&configFile, "config-file", "", "path of the server's configuration")
	return command
}
