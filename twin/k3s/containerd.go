package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

const containerdSocket = "/run/k3s/containerd/containerd.sock"

// containerdConfig is for containerd 1.6, which Debian 12 has.
const containerdConfig = `# Written by k3s at each start.
version = 2
root = %[1]q
state = "/run/k3s/containerd"

[grpc]
  address = %[2]q

[plugins."io.containerd.internal.v1.opt"]
  path = %[1]q

[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  sandbox_image = %[3]q
  # The host's AppArmor is out of a node's reach when the node is a container.
  disable_apparmor = %[4]t
  restrict_oom_score_adj = %[4]t

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  disable_snapshot_annotations = true
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = %[5]q
  SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = %[6]q
  conf_dir = %[7]q
`

// startContainerd returns when containerd answers. Its shims, and so the containers, outlive it.
func startContainerd(ctx context.Context, n *node, p *processes, bin string) error {
	root, configPath := n.agentPath("containerd"), n.agentPath("etc", "containerd", "config.toml")
	given, err := readRegistries(n.text("private-registry", defaultRegistries))
	if err != nil {
		return err
	}
	hostsDirectory := filepath.Join(filepath.Dir(configPath), "certs.d")
	if err := writeRegistryHosts(hostsDirectory, findRegistryHosts(given, n.flag("disable-default-registry-endpoint"))); err != nil {
		return err
	}
	content := fmt.Sprintf(containerdConfig, root, containerdSocket, n.pauseImage, inContainer(), filepath.Join(bin, "runc"), bin, cniDirectory(n)) +
		renderRegistryConfig(given, hostsDirectory)
	if err := writeFile(configPath, []byte(content), 0o600); err != nil {
		return err
	}
	for _, directory := range []string{root, cniDirectory(n), filepath.Dir(containerdSocket)} {
		if err := os.MkdirAll(directory, 0o711); err != nil {
			return err
		}
	}
	logPath := filepath.Join(root, "containerd.log")
	output, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	infof("Logging containerd to %s", logPath)
	search := "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	os.Remove(containerdSocket) // a killed containerd leaves it behind
	if err := p.start("containerd", filepath.Join(bin, "containerd"), []string{"containerd", "--config", configPath}, output, search); err != nil {
		return err
	}
	quiet := &quietLog{}
	for {
		connection, err := net.Dial("unix", containerdSocket)
		if err == nil {
			connection.Close()
			return nil
		}
		quiet.log("info", "Waiting for containerd startup: %v", err)
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}
