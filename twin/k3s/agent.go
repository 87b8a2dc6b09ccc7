package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// agent is the part of K3s that runs on every node: containerd, kubelet, kube-proxy and the pod network.
type agent struct {
	*node
	processes *processes
	serverURL string
	token     string
	// apiURL is empty where the API is behind the server's URL.
	apiURL string
	// balancer is missing on a server, which talks to its own API.
	balancer *balancer
}

func runAgent(ctx context.Context, n *node, p *processes) error {
	given, err := n.secretOption("token")
	if err != nil {
		return err
	}
	url := n.text("server", "")
	if url == "" {
		return fmt.Errorf("--server is required")
	}
	if given == "" {
		return fmt.Errorf("--token is required")
	}
	balancer, err := startBalancer(n.agentPath("etc", balancerName+".json"), url, n.text("lb-server-port", "6444"))
	if err != nil {
		return err
	}
	go balancer.checkHealth(ctx)
	a := &agent{node: n, processes: p, serverURL: balancer.url(), token: given, balancer: balancer}
	if err := a.run(ctx); err != nil {
		return err
	}
	infof("k3s agent is up and running")
	notifyReady()
	return nil
}

// run brings the node up and returns when its kubelet is healthy.
func (a *agent) run(ctx context.Context) error {
	prepareKernel()
	runtime := make(chan error, 1)
	go func() { runtime <- a.startRuntime(ctx) }()

	config, err := a.join(ctx)
	if err != nil {
		return err
	}
	kubelet, _, err := newClient(a.agentPath("kubelet.kubeconfig"))
	if err != nil {
		return err
	}
	if err := a.startProxy(config); err != nil {
		return err
	}
	if err := masquerade(config.ClusterCIDR); err != nil {
		return err
	}
	podCIDR, err := a.ensureNode(ctx, kubelet)
	if err != nil {
		return err
	}
	if err := writePodNetwork(a.node, podCIDR, config.ClusterCIDR); err != nil {
		return err
	}
	controller, _, err := newClient(a.agentPath("k3scontroller.kubeconfig"))
	if err != nil {
		return err
	}
	keepRoutes(ctx, controller, a.node, config.ClusterCIDR)
	if a.balancer != nil {
		a.balancer.follow(ctx, controller)
	}
	select {
	case err := <-runtime:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	return a.startKubelet(ctx, config)
}

// join returns when the server has let this node in and its API is up.
func (a *agent) join(ctx context.Context) (agentConfig, error) {
	server, err := connect(ctx, a.serverURL, a.token)
	if err != nil {
		return agentConfig{}, err
	}
	apiURL := a.apiURL
	if apiURL == "" {
		apiURL = server.url
	}
	quiet := &quietLog{}
	for {
		config, err := server.config(ctx)
		if err == nil {
			err = server.fetchIdentity(ctx, a.node, apiURL)
		}
		if err == nil {
			_, err = server.get(ctx, "readyz")
		}
		if err == nil {
			return config, nil
		}
		quiet.log("info", "Waiting to retrieve agent configuration; server is not ready: %v", err)
		if err := pause(ctx, retryAfter(err)); err != nil {
			return config, err
		}
	}
}

func (a *agent) startRuntime(ctx context.Context) error {
	bin, err := extractPayload(a.dataDir)
	if err != nil {
		return err
	}
	if err := startContainerd(ctx, a.node, a.processes, bin); err != nil {
		return err
	}
	return importImages(ctx, a.node, bin)
}

func (a *agent) startProxy(config agentConfig) error {
	return a.processes.startComponent("kube-proxy", mergeArguments([]string{
		"cluster-cidr=" + config.ClusterCIDR,
		"conntrack-max-per-core=0", // host-wide values, which a node in a container must not change
		"conntrack-tcp-timeout-close-wait=0s",
		"conntrack-tcp-timeout-established=0s",
		"healthz-bind-address=127.0.0.1",
		"hostname-override=" + a.name,
		"kubeconfig=" + a.agentPath("kubeproxy.kubeconfig"),
		"proxy-mode=iptables",
	}, a.values["kube-proxy-arg"]))
}

func (a *agent) startKubelet(ctx context.Context, config agentConfig) error {
	path, err := writeKubeletConfig(a.node, config)
	if err != nil {
		return err
	}
	arguments := []string{
		"config=" + path,
		"hostname-override=" + a.name,
		"kubeconfig=" + a.agentPath("kubelet.kubeconfig"),
		"node-ip=" + a.address.String(),
	}
	if labels := a.values["node-label"]; len(labels) > 0 {
		arguments = append(arguments, "node-labels="+strings.Join(labels, ","))
	}
	bin, err := extractPayload(a.dataDir)
	if err != nil {
		return err
	}
	search := "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	if err := a.processes.startComponent("kubelet", mergeArguments(arguments, a.values["kubelet-arg"]), search); err != nil {
		return err
	}
	for {
		if response, err := http.Get("http://127.0.0.1:10248/healthz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
