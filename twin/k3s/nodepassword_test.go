package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestHash(t *testing.T) {
	hash := makeHash("secret")
	if parts := strings.Split(hash, ":"); len(parts) != 6 || parts[0] != "$1" || parts[2] != "15" {
		t.Errorf("not in K3s's form: %s", hash)
	}
	if hash == makeHash("secret") {
		t.Error("two hashes share a salt")
	}
	if err := verifyHash(hash, "secret"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"Secret", "", "secret "} {
		if verifyHash(hash, wrong) == nil {
			t.Errorf("%q passed", wrong)
		}
	}
	for _, broken := range []string{"", "$1:00:15:8:1", "$2:00:15:8:1:AAAA", "$1:zz:15:8:1:AAAA", "$1:00:99:8:1:AAAA", "$1:00:x:8:1:AAAA"} {
		if verifyHash(broken, "secret") == nil {
			t.Errorf("%q passed", broken)
		}
	}
}

func TestFirstPasswordStays(t *testing.T) {
	passwords := newNodePasswords(&node{name: "server"})
	client := fake.NewClientset()
	ctx := context.Background()
	for _, step := range []struct {
		name, password string
		code           int
	}{
		{"Two", "right", http.StatusOK},
		{"two", "right", http.StatusOK},
		{"two", "wrong", http.StatusForbidden},
		{"three", "wrong", http.StatusOK},
	} {
		if code, err := passwords.ensure(ctx, client, step.name, step.password); code != step.code {
			t.Errorf("%+v: got %d, %v", step, code, err)
		}
	}
	secret, err := client.CoreV1().Secrets("kube-system").Get(ctx, "two.node-password.k3s", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(secret.Data["hash"]), "right") || !*secret.Immutable {
		t.Errorf("%v", secret)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "two", UID: "u"}}
	if err := ownPassword(ctx, client, node); err != nil {
		t.Fatal(err)
	}
	secret, _ = client.CoreV1().Secrets("kube-system").Get(ctx, "two.node-password.k3s", metav1.GetOptions{})
	if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != "u" {
		t.Errorf("owners: %v", secret.OwnerReferences)
	}
}

func TestOnlyOwnNodeBeforeTheAPI(t *testing.T) {
	passwords := newNodePasswords(&node{name: "server"})
	if code, _ := passwords.check(context.Background(), "other", "x"); code != http.StatusServiceUnavailable {
		t.Errorf("got %d", code)
	}
}

func TestSupervisorAsksForTheToken(t *testing.T) {
	n := testNode(t, t.TempDir())
	pki, err := ensureServerPKI(n, []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{node: n, pki: pki, port: "6443", tokens: tokens{server: "server-secret", agent: "agent-secret"}, clusterCIDR: "10.42.0.0/16"}
	supervisor, err := newSupervisor(s)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(supervisor.routes())
	defer web.Close()
	for _, test := range []struct {
		path, user, password string
		code                 int
	}{
		{"/ping", "", "", 200},
		{"/cacerts", "", "", 200},
		{"/v1-k3s/config", "node", "agent-secret", 200},
		{"/v1-k3s/config", "node", "server-secret", 200},
		{"/v1-k3s/config", "server", "server-secret", 200},
		{"/v1-k3s/config", "server", "agent-secret", 401},
		{"/v1-k3s/config", "node", "wrong", 401},
		{"/v1-k3s/config", "", "", 401},
		{"/v1-k3s/client-kubelet.crt", "node", "agent-secret", 405},
		{"/v1-k3s/none", "node", "agent-secret", 404},
		{"/v1-k3s/readyz", "node", "agent-secret", 503},
		{"/api", "", "", 503},
	} {
		r, _ := http.NewRequest(http.MethodGet, web.URL+test.path, nil)
		if test.user != "" {
			r.SetBasicAuth(test.user, test.password)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.code {
			t.Errorf("%+v: got %d", test, response.StatusCode)
		}
	}
}

func TestWantedRoutes(t *testing.T) {
	nodeWith := func(name, podCIDR, address string) *corev1.Node {
		made := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: podCIDR}}
		if address != "" {
			made.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: address}}
		}
		return made
	}
	nodes := []*corev1.Node{
		nodeWith("own", "10.42.0.0/24", "192.0.2.1"), nodeWith("two", "10.42.1.0/24", "192.0.2.2"), nodeWith("new", "", "192.0.2.3"),
		nodeWith("unborn", "10.42.2.0/24", ""), nodeWith("foreign", "192.168.0.0/24", "192.0.2.4"),
	}
	got := wantedRoutes(nodes, "own", "10.42.0.0/16")
	if len(got) != 1 || !got["10.42.1.0/24"].Equal(net.IPv4(192, 0, 2, 2)) {
		t.Errorf("got %v", got)
	}
	if hosts := nodeHosts(nodes[:2]); hosts != "192.0.2.1 own\n192.0.2.2 two\n" {
		t.Errorf("got %q", hosts)
	}
}
