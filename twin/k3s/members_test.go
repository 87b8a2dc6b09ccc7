package main

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPlanMember(t *testing.T) {
	now := metav1.Now()
	server := func(annotations map[string]string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: "pi-2", ResourceVersion: "7", Labels: map[string]string{etcdRoleLabel: "true"}, Annotations: annotations,
			Finalizers: []string{"other", memberFinalizer},
		}}
	}
	deleted := func(node *corev1.Node) *corev1.Node {
		node.DeletionTimestamp = &now
		return node
	}
	own := map[string]string{memberNameAnnotation: "pi-2-aaaaaaaa", memberAddressAnnotation: "10.0.0.2"}
	with := func(annotations ...string) map[string]string {
		all := map[string]string{}
		for name, value := range own {
			all[name] = value
		}
		for index := 0; index < len(annotations); index += 2 {
			all[annotations[index]] = annotations[index+1]
		}
		return all
	}
	released := map[string]any{"finalizers": []string{"other"}, "resourceVersion": "7"}
	agent := deleted(server(own))
	agent.Labels = nil
	for _, one := range []struct {
		what       string
		node       *corev1.Node
		name       string
		wantedMeta map[string]any
	}{
		{"a server", server(own), "", nil},
		{"an agent that is deleted", agent, "", nil},
		{"a server that is deleted", deleted(server(own)), "pi-2-aaaaaaaa", released},
		{"a server without a member that is deleted", deleted(server(nil)), "", released},
		{"a server that was removed before it is deleted", deleted(server(with(removeAnnotation, "true", removedAnnotation, "pi-2-aaaaaaaa"))), "", released},
		{"a member that is asked to go", server(with(removeAnnotation, "true")), "pi-2-aaaaaaaa", map[string]any{"annotations": map[string]any{
			removedAnnotation: "pi-2-aaaaaaaa", memberNameAnnotation: nil, memberAddressAnnotation: nil,
		}}},
		{"a member that came back", server(with(removeAnnotation, "true", removedAnnotation, "pi-2-bbbbbbbb")), "", map[string]any{"annotations": map[string]any{
			removedAnnotation: nil, removeAnnotation: "false",
		}}},
	} {
		name, address, metadata := planMember(one.node)
		if name != one.name || (name != "" && address != "10.0.0.2") || !reflect.DeepEqual(metadata, one.wantedMeta) {
			t.Errorf("%s: got %s, %s, %v", one.what, name, address, metadata)
		}
	}
}
