package main

import (
	"context"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	// controllerUser may read nodes (manifests/roles.yaml); a kubelet's identity shows it only its own.
	controllerUser = "system:k3s-controller"
	// routeProtocol marks the routes that are ours to remove ("k" of k3s).
	routeProtocol netlink.RouteProtocol = 107
)

// keepRoutes keeps a route to each other node's pod range for as long as the launcher runs.
func keepRoutes(ctx context.Context, client kubernetes.Interface, own *node, clusterCIDR string) {
	watchNodes(ctx, client, func(nodes []*corev1.Node) {
		if err := setRoutes(wantedRoutes(nodes, own.name, clusterCIDR)); err != nil {
			warnf("Routes to the pods of other nodes: %v", err)
		}
	})
}

// watchNodes calls back with all nodes after each change, and each ten seconds for what failed.
func watchNodes(ctx context.Context, client kubernetes.Interface, changed func([]*corev1.Node)) {
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Nodes()
	wake := make(chan struct{}, 1)
	poke := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { poke() },
		UpdateFunc: func(any, any) { poke() },
		DeleteFunc: func(any) { poke() },
	})
	factory.Start(ctx.Done())
	go func() {
		if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
			return
		}
		for {
			if nodes, err := informer.Lister().List(labels.Everything()); err == nil {
				changed(nodes)
			}
			select {
			case <-ctx.Done():
				return
			case <-wake:
			case <-time.After(10 * time.Second):
			}
		}
	}()
}

// wantedRoutes maps the pod ranges of all nodes but this one to their addresses.
func wantedRoutes(nodes []*corev1.Node, ownName, clusterCIDR string) map[string]net.IP {
	wanted := map[string]net.IP{}
	_, cluster, err := net.ParseCIDR(clusterCIDR)
	if err != nil {
		return wanted
	}
	for _, other := range nodes {
		address := internalAddress(other)
		podNetwork, _, err := net.ParseCIDR(other.Spec.PodCIDR)
		if other.Name == ownName || address == nil || err != nil || !cluster.Contains(podNetwork) {
			continue
		}
		wanted[other.Spec.PodCIDR] = address
	}
	return wanted
}

func internalAddress(node *corev1.Node) net.IP {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return net.ParseIP(address.Address).To4()
		}
	}
	return nil
}

func setRoutes(wanted map[string]net.IP) error {
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, route := range present {
		if gateway, ok := wanted[route.Dst.String()]; ok && gateway.Equal(route.Gw) {
			delete(wanted, route.Dst.String())
		} else if err := netlink.RouteDel(&route); err != nil {
			return err
		}
	}
	for podCIDR, gateway := range wanted {
		_, destination, err := net.ParseCIDR(podCIDR)
		if err != nil {
			return err
		}
		infof("Pods in %s are reached through %s", podCIDR, gateway)
		if err := netlink.RouteReplace(&netlink.Route{Dst: destination, Gw: gateway, Protocol: routeProtocol}); err != nil {
			return err
		}
	}
	return nil
}
