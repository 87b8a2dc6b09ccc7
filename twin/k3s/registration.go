package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ensureNode makes the Node object before the kubelet starts, as the kubelet would, and returns the pod range that
// the cluster gives it. So the pod network is there when the kubelet first asks for it; it asks every 5 s only.
// As in K3s, labels are set at each start and taints at the first.
func (a *agent) ensureNode(ctx context.Context, client kubernetes.Interface) (string, error) {
	labels, err := parseLabels(a.values["node-label"])
	if err != nil {
		return "", err
	}
	taints, err := parseTaints(a.values["node-taint"])
	if err != nil {
		return "", err
	}
	quiet := &quietLog{}
	for {
		podCIDR, err := registerNode(ctx, client.CoreV1().Nodes(), a.node.name, labels, taints)
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			// RBAC is not complete in an API's first moments; a label that a node may not give itself stays forbidden.
			if strings.Contains(err.Error(), "is not allowed to set") || apierrors.IsInvalid(err) {
				return "", fmt.Errorf("node %s cannot be registered: %w", a.node.name, err)
			}
		}
		if err == nil && podCIDR != "" {
			return podCIDR, nil
		}
		if err != nil {
			quiet.log("info", "Waiting to register node %s: %v", a.node.name, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return "", err
		}
	}
}

type nodeClient interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*corev1.Node, error)
	Create(ctx context.Context, node *corev1.Node, options metav1.CreateOptions) (*corev1.Node, error)
	Update(ctx context.Context, node *corev1.Node, options metav1.UpdateOptions) (*corev1.Node, error)
}

func registerNode(ctx context.Context, nodes nodeClient, name string, labels map[string]string, taints []taint) (string, error) {
	found, err := nodes.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		wanted := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
		maps.Copy(wanted.Labels, labels)
		for _, one := range taints {
			wanted.Spec.Taints = append(wanted.Spec.Taints, corev1.Taint{Key: one.Key, Value: one.Value, Effect: corev1.TaintEffect(one.Effect)})
		}
		found, err = nodes.Create(ctx, wanted, metav1.CreateOptions{})
	} else if err == nil {
		missing := false
		for key, value := range labels {
			if found.Labels[key] != value {
				missing = true
			}
		}
		if missing {
			if found.Labels == nil {
				found.Labels = map[string]string{}
			}
			maps.Copy(found.Labels, labels)
			found, err = nodes.Update(ctx, found, metav1.UpdateOptions{})
		}
	}
	if err != nil {
		return "", err
	}
	return found.Spec.PodCIDR, nil
}

func parseLabels(given []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, item := range given {
		key, value, _ := strings.Cut(item, "=")
		if key == "" {
			return nil, fmt.Errorf("node-label: %q is not of the form key=value", item)
		}
		labels[key] = value
	}
	return labels, nil
}
