package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
)

func etcdMember(name, address string, learner bool) *etcdserverpb.Member {
	member := &etcdserverpb.Member{Name: name, PeerURLs: []string{"https://" + address + ":2380"}, IsLearner: learner}
	if name != "" {
		member.ClientURLs = []string{"https://" + address + ":2379"}
	}
	return member
}

func TestPlanJoin(t *testing.T) {
	first := etcdMember("pi-1-aaaaaaaa", "10.0.0.1", false)
	firstURL := "pi-1-aaaaaaaa=https://10.0.0.1:2380"
	own := "pi-2-bbbbbbbb=https://10.0.0.2:2380"
	for _, one := range []struct {
		what     string
		members  []*etcdserverpb.Member
		cluster  []string
		isMember bool
		err      string
	}{
		{"new", []*etcdserverpb.Member{first}, []string{firstURL}, false, ""},
		{"added, never started", []*etcdserverpb.Member{first, etcdMember("", "10.0.0.2", true)}, []string{firstURL, own}, true, ""},
		{"started", []*etcdserverpb.Member{first, etcdMember("pi-2-bbbbbbbb", "10.0.0.2", true)}, []string{firstURL, own}, true, ""},
		{"flashed again", []*etcdserverpb.Member{first, etcdMember("pi-2-cccccccc", "10.0.0.2", false)}, nil, false, "duplicate node name"},
		{"two of a name", []*etcdserverpb.Member{etcdMember("pi-2-cccccccc", "10.0.0.9", false)}, nil, false, "duplicate node name"},
		{"another has its address", []*etcdserverpb.Member{etcdMember("pi-3-cccccccc", "10.0.0.2", false)}, []string{"pi-3-cccccccc=https://10.0.0.2:2380"}, false, ""},
	} {
		cluster, isMember, err := planJoin(one.members, "pi-2", "pi-2-bbbbbbbb", "10.0.0.2")
		if one.err != "" {
			if err == nil || !strings.Contains(err.Error(), one.err) {
				t.Errorf("%s: got %v", one.what, err)
			}
			continue
		}
		if err != nil || isMember != one.isMember || !reflect.DeepEqual(cluster, one.cluster) {
			t.Errorf("%s: got %v, %v, %v", one.what, cluster, isMember, err)
		}
	}
}

func TestVotersURLs(t *testing.T) {
	members := []*etcdserverpb.Member{
		etcdMember("a-1", "10.0.0.1", false), etcdMember("b-1", "10.0.0.2", true), etcdMember("c-1", "10.0.0.3", false), etcdMember("", "10.0.0.4", false),
	}
	if got, want := votersURLs(members, "https://10.0.0.3:2379"), []string{"https://10.0.0.1:2379"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCheckMembership(t *testing.T) {
	members := []*etcdserverpb.Member{etcdMember("a-1", "10.0.0.1", false), etcdMember("b-1", "10.0.0.2", false)}
	if err := checkMembership(members, "b-1", "https://10.0.0.2:2380"); err != nil {
		t.Error(err)
	}
	want := "this server is a not a member of the etcd cluster. Found [a-1=https://10.0.0.1:2380 b-1=https://10.0.0.2:2380], expect: b-2=https://10.0.0.2:2380"
	if err := checkMembership(members, "b-2", "https://10.0.0.2:2380"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestFindMember(t *testing.T) {
	members := []*etcdserverpb.Member{etcdMember("a-1", "10.0.0.1", false), etcdMember("b-1", "10.0.0.2", false)}
	if got := findMember(members, "b-1", "10.0.0.2"); got != members[1] {
		t.Errorf("got %v", got)
	}
	if got := findMember(members, "b-1", "10.0.0.1"); got != nil {
		t.Errorf("the address of another: got %v", got)
	}
}

func TestClearTombstone(t *testing.T) {
	n := &node{dataDir: t.TempDir()}
	if err := writeFile(n.etcdDirectory("name"), []byte("a-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.clearTombstone(); err != nil || !exists(n.etcdDirectory("name")) {
		t.Errorf("without a tombstone: %v", err)
	}
	if err := writeFile(n.etcdDirectory(tombstone), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.clearTombstone(); err != nil || exists(n.etcdDirectory()) {
		t.Errorf("with a tombstone: %v", err)
	}
	entries, err := os.ReadDir(n.serverPath("db"))
	if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), "etcd-backup-") {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestEtcdStart(t *testing.T) {
	n := &node{dataDir: t.TempDir(), address: []byte{10, 0, 0, 2}, values: values{"etcd-arg": {"quota-backend-bytes=1000"}}}
	start := etcdStart{cluster: []string{"a-1=https://10.0.0.1:2380", "b-1=https://10.0.0.2:2380"}, state: "existing"}
	if _, err := writeEtcdConfig(n, "b-1", start); err != nil {
		t.Fatal(err)
	}
	if got := n.readEtcdStart(); !reflect.DeepEqual(got, start) {
		t.Errorf("got %+v", got)
	}
	content, err := os.ReadFile(n.etcdDirectory("config"))
	if err != nil || !strings.Contains(string(content), `"quota-backend-bytes": 1000`) {
		t.Errorf("etcd-arg is not there: %s, %v", content, err)
	}
}

func TestCompareConfig(t *testing.T) {
	own := agentConfig{ClusterCIDR: "10.42.0.0/16", ClusterDNS: []string{"10.43.0.10"}, HTTPSPort: "6443"}
	others := own
	others.HTTPSPort = "7443"
	if err := compareConfig(own, others); err != nil {
		t.Error(err)
	}
	others.EncryptSecrets = true
	if err := compareConfig(own, others); err == nil || err.Error() != "critical configuration value mismatch between servers" {
		t.Errorf("got %v", err)
	}
}

func TestTokens(t *testing.T) {
	both := tokens{server: "one"}
	if !both.isServer("one") || !both.isAgent("one") || both.isServer("") {
		t.Error("without an agent's token")
	}
	both.rotate("two")
	if both.isServer("one") || both.isAgent("one") || !both.isServer("two") || !both.isAgent("two") {
		t.Error("after a rotation")
	}
	apart := tokens{server: "one", agent: "other"}
	apart.rotate("two")
	if !apart.isAgent("other") || apart.isAgent("two") || apart.isServer("other") {
		t.Error("with an agent's token")
	}
}

func TestEnsureMemberName(t *testing.T) {
	n := &node{dataDir: t.TempDir(), name: "pi-1"}
	name, err := n.ensureMemberName()
	if err != nil || nodeOfMember(name) != "pi-1" || len(name) != len("pi-1-12345678") {
		t.Errorf("got %s, %v", name, err)
	}
	if again, err := n.ensureMemberName(); err != nil || again != name {
		t.Errorf("got %s, %v", again, err)
	}
}
