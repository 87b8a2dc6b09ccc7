package main

import (
	"context"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryapply "k8s.io/client-go/applyconfigurations/discovery/v1"
	"k8s.io/client-go/kubernetes"
)

// publishEndpoints makes the Service "kubernetes" lead to the public port of the supervisors at these addresses.
func (s *server) publishEndpoints(ctx context.Context, client kubernetes.Interface, addresses []string) error {
	port, err := s.portNumber()
	if err != nil {
		return err
	}
	options := metav1.ApplyOptions{FieldManager: "k3s", Force: true}
	subset := coreapply.EndpointSubset().
		WithPorts(coreapply.EndpointPort().WithName("https").WithPort(port).WithProtocol(corev1.ProtocolTCP))
	slice := discoveryapply.EndpointSlice("kubernetes", metav1.NamespaceDefault).
		WithLabels(map[string]string{discoveryv1.LabelServiceName: "kubernetes"}).
		WithAddressType(discoveryv1.AddressTypeIPv4).
		WithPorts(discoveryapply.EndpointPort().WithName("https").WithPort(port).WithProtocol(corev1.ProtocolTCP))
	for _, address := range addresses {
		subset.WithAddresses(coreapply.EndpointAddress().WithIP(address))
		slice.WithEndpoints(discoveryapply.Endpoint().WithAddresses(address).
			WithConditions(discoveryapply.EndpointConditions().WithReady(true)))
	}
	endpoints := coreapply.Endpoints("kubernetes", metav1.NamespaceDefault).
		WithLabels(map[string]string{discoveryv1.LabelSkipMirror: "true"}).
		WithSubsets(subset)
	if _, err := client.CoreV1().Endpoints(metav1.NamespaceDefault).Apply(ctx, endpoints, options); err != nil {
		return err
	}
	_, err = client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).Apply(ctx, slice, options)
	return err
}

// followNodes does what K3s's controllers do when Nodes come and go.
func (s *server) followNodes(ctx context.Context, client kubernetes.Interface) {
	hosts := ""
	dns := !slices.Contains(s.items("disable"), "coredns")
	watchNodes(ctx, client, func(nodes []*corev1.Node) {
		for _, one := range nodes {
			if one.Name == s.node.name {
				if err := s.markServer(ctx, client, one); err != nil {
					warnf("Labels of node %s: %v", one.Name, err)
				}
			}
			if err := s.followMember(ctx, client, one); err != nil {
				warnf("etcd member of node %s: %v", one.Name, err)
			}
			if err := ownPassword(ctx, client, one); err != nil {
				warnf("Node password secret of node %s: %v", one.Name, err)
			}
		}
		if now := nodeHosts(nodes); dns && now != hosts {
			config := coreapply.ConfigMap("coredns", metav1.NamespaceSystem).WithData(map[string]string{"NodeHosts": now})
			if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Apply(ctx, config, metav1.ApplyOptions{FieldManager: "k3s-node-hosts", Force: true}); err != nil {
				warnf("Names of the nodes for CoreDNS: %v", err)
				return
			}
			hosts = now
		}
	})
}

// ownPassword ties the node's password to its Node object: with the one deleted, Kubernetes collects the other, and
// a node with another password may take the name.
func ownPassword(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	secrets := client.CoreV1().Secrets(metav1.NamespaceSystem)
	secret, err := secrets.Get(ctx, secretName(node.Name), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, owner := range secret.OwnerReferences {
		if owner.UID == node.UID {
			return nil
		}
	}
	secret.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}}
	_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // another server does the same
	}
	return err
}

// nodeHosts lists the nodes as an /etc/hosts, for pods that ask CoreDNS for a node by name.
func nodeHosts(nodes []*corev1.Node) string {
	var lines []string
	for _, one := range nodes {
		if address := internalAddress(one); address != nil {
			lines = append(lines, address.String()+" "+one.Name+"\n")
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}
