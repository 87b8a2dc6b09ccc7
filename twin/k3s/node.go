package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// node is what a server and an agent have in common.
type node struct {
	values
	role       string
	name       string
	address    net.IP
	dataDir    string
	pauseImage string
}

func newNode(role string, given values) (*node, error) {
	for name := range given {
		known, _ := findOption(serverOptions, name)
		if known.support == unused {
			infof("Option %s is accepted and has no effect on the twin", name)
		}
	}
	name := given.text("node-name", "")
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		name = host
	}
	dataDir, err := filepath.Abs(given.text("data-dir", defaultDataDir))
	if err != nil {
		return nil, err
	}
	n := &node{values: given, role: role, name: strings.ToLower(name), dataDir: dataDir, pauseImage: given.text("pause-image", defaultPauseImage)}
	return n, n.findAddress()
}

// findAddress waits until the node's address is there: a unit may start before the network, and a kubelet
// that meets no network goes into a back-off of half a minute.
func (n *node) findAddress() error {
	wanted := n.items("node-ip")
	if len(wanted) > 1 {
		return fmt.Errorf("node-ip: the twin knows one IPv4 address a node, not %s", strings.Join(wanted, ","))
	}
	quiet := &quietLog{}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if len(wanted) == 0 {
			address, err := utilnet.ChooseHostInterface()
			if err == nil {
				n.address = address
				return nil
			}
			quiet.log("info", "Waiting for a default route, to learn the node's address: %v", err)
		} else {
			address := net.ParseIP(wanted[0]).To4()
			if address == nil {
				return fmt.Errorf("invalid node-ip %s", wanted[0])
			}
			if isLocal(address) {
				n.address = address
				return nil
			}
			quiet.log("info", "Waiting for the address %s to appear on an interface", address)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the node's address did not appear within a minute (node-ip: %s)", strings.Join(wanted, ","))
		}
	}
}

func isLocal(address net.IP) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, candidate := range addresses {
		if network, ok := candidate.(*net.IPNet); ok && network.IP.Equal(address) {
			return true
		}
	}
	return false
}

func (n *node) agentPath(parts ...string) string {
	return filepath.Join(append([]string{n.dataDir, "agent"}, parts...)...)
}

func (n *node) serverPath(parts ...string) string {
	return filepath.Join(append([]string{n.dataDir, "server"}, parts...)...)
}

func (n *node) tlsPath(parts ...string) string {
	return n.serverPath(append([]string{"tls"}, parts...)...)
}

// secretOption reads an option that can also be given as a file (token and token-file).
func (n *node) secretOption(name string) (string, error) {
	if given := n.text(name, ""); given != "" {
		return given, nil
	}
	path := n.text(name+"-file", "")
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(content)), nil
}
