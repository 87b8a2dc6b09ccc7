package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	etcdRoleLabel = "node-role.kubernetes.io/etcd"

	memberNameAnnotation    = "etcd.k3s.cattle.io/node-name"
	memberAddressAnnotation = "etcd.k3s.cattle.io/node-address"
	removeAnnotation        = "etcd.k3s.cattle.io/remove"
	removedAnnotation       = "etcd.k3s.cattle.io/removed-node-name"
	// memberFinalizer keeps a server's Node until its etcd member is out of the cluster.
	memberFinalizer = "wrangler.cattle.io/managed-etcd-controller"

	// learnerInterval is the pace of looking after learners; K3s's is 15 s.
	learnerInterval = time.Second
	// learnerStall is how long a learner may stand still before it is put out, so that others can join.
	learnerStall = 5 * time.Minute
)

// serverLabels are what K3s says of a server with embedded etcd.
func serverLabels() []string {
	labels := []string{"node-role.kubernetes.io/control-plane", etcdRoleLabel}
	if strings.HasPrefix(version, "v1.34.") {
		labels = append(labels, "node-role.kubernetes.io/master")
	}
	return labels
}

// markServer writes on this server's Node what it is, and which member of etcd is its own.
func (s *server) markServer(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	labels, annotations := map[string]string{}, map[string]any{}
	for _, label := range serverLabels() {
		if node.Labels[label] != "true" {
			labels[label] = "true"
		}
	}
	for name, value := range map[string]string{memberNameAnnotation: s.datastore.member, memberAddressAnnotation: s.address.String()} {
		if node.Annotations[name] != value {
			annotations[name] = value
		}
	}
	metadata := map[string]any{"labels": labels, "annotations": annotations}
	complete := len(labels)+len(annotations) == 0
	if !slices.Contains(node.Finalizers, memberFinalizer) && node.DeletionTimestamp == nil {
		complete = false
		metadata["finalizers"] = append(slices.Clone(node.Finalizers), memberFinalizer)
		metadata["resourceVersion"] = node.ResourceVersion
	}
	if complete || node.DeletionTimestamp != nil {
		return nil
	}
	return patchNode(ctx, client, node.Name, metadata)
}

// patchNode changes a Node's metadata; a change that came in between is left to the next look.
func patchNode(ctx context.Context, client kubernetes.Interface, name string, metadata map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// followMember takes the etcd member of a Node that goes out of the cluster, before the Node is gone. Each server that
// remains tries it; who comes second finds nothing to do.
func (s *server) followMember(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	name, address, metadata := planMember(node)
	if name != "" {
		infof("Removing etcd member %s from cluster", node.Name)
		if err := s.datastore.removeMember(ctx, name, address); err != nil {
			return err
		}
	}
	if metadata == nil {
		return nil
	}
	return patchNode(ctx, client, node.Name, metadata)
}

// planMember says which member is to go for what a Node says, and what to write on the Node then.
func planMember(node *corev1.Node) (name, address string, metadata map[string]any) {
	if _, ok := node.Labels[etcdRoleLabel]; !ok {
		return "", "", nil
	}
	name, address = node.Annotations[memberNameAnnotation], node.Annotations[memberAddressAnnotation]
	known := name != "" && address != ""
	asked := strings.EqualFold(node.Annotations[removeAnnotation], "true")
	removed, wasRemoved := node.Annotations[removedAnnotation]
	switch {
	case node.DeletionTimestamp != nil && slices.Contains(node.Finalizers, memberFinalizer):
		kept := slices.DeleteFunc(slices.Clone(node.Finalizers), func(one string) bool { return one == memberFinalizer })
		metadata = map[string]any{"finalizers": kept, "resourceVersion": node.ResourceVersion}
		if !known || (asked && wasRemoved) {
			return "", "", metadata
		}
		return name, address, metadata
	case asked && wasRemoved && name != "" && name != removed:
		infof("Resetting removed node flag as removed node name did not match current node name")
		return "", "", map[string]any{"annotations": map[string]any{removedAnnotation: nil, removeAnnotation: "false"}}
	case asked && !wasRemoved && known && node.DeletionTimestamp == nil:
		return name, address, map[string]any{"annotations": map[string]any{
			removedAnnotation: name, memberNameAnnotation: nil, memberAddressAnnotation: nil,
		}}
	}
	return "", "", nil
}

// removeMember takes a member out of the cluster; name and address must both be its own.
func (d *datastore) removeMember(ctx context.Context, name, address string) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	members, err := d.client.MemberList(ctx)
	if err != nil {
		return err
	}
	member := findMember(members.Members, name, address)
	if member == nil {
		return nil
	}
	infof("Removing name=%s id=%d address=%s from etcd", member.Name, member.ID, address)
	_, err = d.client.MemberRemove(ctx, member.ID)
	if errors.Is(err, rpctypes.ErrMemberNotFound) {
		return nil
	}
	return err
}

func findMember(members []*etcdserverpb.Member, name, address string) *etcdserverpb.Member {
	for _, member := range members {
		for _, peer := range member.PeerURLs {
			if parsed, err := url.Parse(peer); err == nil && member.Name == name && parsed.Hostname() == address {
				return member
			}
		}
	}
	return nil
}

// learner is how far a member that joins had come when it last made progress.
type learner struct {
	id      uint64
	applied uint64
	at      time.Time
}

// manageLearners promotes learners that have caught up, and puts out those that stand still. Only etcd's leader does it.
func (d *datastore) manageLearners(ctx context.Context) {
	quiet := &quietLog{}
	progress := learner{}
	for pause(ctx, learnerInterval) == nil {
		if err := d.manageLearner(ctx, &progress); err != nil {
			quiet.log("error", "Failed to track learner progress towards promotion: %v", err)
		}
	}
}

func (d *datastore) manageLearner(ctx context.Context, progress *learner) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	status, err := d.client.Status(ctx, localEtcd)
	if err != nil || status.Header.MemberId != status.Leader {
		return nil // the launcher notices for itself when etcd is not there
	}
	members, err := d.client.MemberList(ctx)
	if err != nil {
		return err
	}
	index := slices.IndexFunc(members.Members, func(member *etcdserverpb.Member) bool { return member.IsLearner })
	if index < 0 {
		return nil
	}
	member := members.Members[index]
	if _, err := d.client.MemberPromote(ctx, member.ID); err == nil {
		infof("Promoted learner %s", member.Name)
		return nil
	}
	if progress.id != member.ID {
		*progress = learner{id: member.ID, at: time.Now()}
	}
	for _, endpoint := range member.ClientURLs {
		if applied, err := d.appliedIndex(ctx, endpoint); err == nil && applied > progress.applied {
			progress.applied, progress.at = applied, time.Now()
		}
	}
	if time.Since(progress.at) < learnerStall {
		return nil
	}
	if _, err := d.client.MemberRemove(ctx, member.ID); err != nil {
		return err
	}
	warnf("Removed learner %s from etcd cluster", member.Name)
	return nil
}

func (d *datastore) appliedIndex(ctx context.Context, endpoint string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	status, err := d.client.Status(ctx, endpoint)
	if err != nil {
		return 0, err
	}
	return status.RaftAppliedIndex, nil
}
