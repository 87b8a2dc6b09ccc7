package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func cniDirectory(n *node) string {
	return n.agentPath("etc", "cni", "net.d")
}

// writePodNetwork gives the node's pods addresses of its range on a bridge. K3s does it through flannel; here the other
// nodes' ranges are plain routes (routes.go), since a twin's nodes share a link.
func writePodNetwork(n *node, podCIDR, clusterCIDR string) error {
	content, err := json.MarshalIndent(map[string]any{
		"cniVersion": "0.4.0",
		"name":       "cbr0",
		"plugins": []map[string]any{
			{
				"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "forceAddress": true,
				"ipam": map[string]any{
					"type": "host-local", "ranges": [][]map[string]string{{{"subnet": podCIDR}}},
					"routes": []map[string]string{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	infof("Pods of node %s get addresses from %s of %s", n.name, podCIDR, clusterCIDR)
	return writeFile(cniDirectory(n)+"/10-k3s.conflist", append(content, '\n'), 0o644)
}

// prepareKernel sets what pods need. In a container some values are the host's to set; they are left to it, in words.
func prepareKernel() {
	for path, value := range map[string]string{
		"net/ipv4/ip_forward":                "1",
		"net/bridge/bridge-nf-call-iptables": "1",
	} {
		path = "/proc/sys/" + path
		if current, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(current)) == value {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			warnf("%s is not %s, which Services rely on: %v", path, value, err)
		}
	}
}

// masquerade lets pods talk to what is outside the cluster, with the node's address; between pods addresses stay.
func masquerade(clusterCIDR string) error {
	for _, rule := range []string{
		"nat POSTROUTING -s " + clusterCIDR + " ! -d " + clusterCIDR + " -m comment --comment k3s-pod-network -j MASQUERADE",
		"filter FORWARD -s " + clusterCIDR + " -m comment --comment k3s-pod-network -j ACCEPT",
		"filter FORWARD -d " + clusterCIDR + " -m comment --comment k3s-pod-network -j ACCEPT",
	} {
		table, words, _ := strings.Cut(rule, " ")
		if iptables(append([]string{"-t", table, "-C"}, strings.Fields(words)...)) == nil {
			continue
		}
		if err := iptables(append([]string{"-t", table, "-A"}, strings.Fields(words)...)); err != nil {
			return err
		}
	}
	return nil
}

func iptables(arguments []string) error {
	output, err := exec.Command("iptables", append([]string{"-w"}, arguments...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
