package main

import (
	"context"
	"net"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	clientv3 "go.etcd.io/etcd/client/v3"
	etcdsnapshot "go.etcd.io/etcd/client/v3/snapshot"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// testEtcd runs an etcd for one test.
func testEtcd(t *testing.T) clientv3.Config {
	t.Helper()
	free := func() url.URL {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		return url.URL{Scheme: "http", Host: listener.Addr().String()}
	}
	config := embed.NewConfig()
	config.Dir, config.LogLevel = t.TempDir(), "fatal"
	client, peer := free(), free()
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	running, err := embed.StartEtcd(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	<-running.Server.ReadyNotify()
	return clientv3.Config{Endpoints: []string{client.String()}, Logger: zap.NewNop(), DialTimeout: 10 * time.Second}
}

func TestServersThatDoNotRenewAreDropped(t *testing.T) {
	client, err := clientv3.New(testEtcd(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	renew := func(lease *serverLease) {
		t.Helper()
		if err := lease.renew(ctx); err != nil {
			t.Fatal(err)
		}
	}
	live := func(lease *serverLease) []string {
		t.Helper()
		addresses, err := lease.live(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return addresses
	}
	stays := &serverLease{client: client, address: "192.0.2.1", ttl: time.Minute}
	goes := &serverLease{client: client, address: "192.0.2.2", ttl: time.Minute}
	dies := &serverLease{client: client, address: "192.0.2.3", ttl: time.Second}
	for _, lease := range []*serverLease{dies, goes, stays} {
		renew(lease)
	}
	if got := live(stays); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
		t.Errorf("alive: %v", got)
	}
	if err := goes.end(ctx); err != nil {
		t.Fatal(err)
	}
	if got := live(stays); slices.Contains(got, "192.0.2.2") {
		t.Errorf("one that said goodbye is alive: %v", got)
	}
	for slices.Contains(live(stays), "192.0.2.3") {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			t.Fatal("one that does not renew stays for ever")
		}
	}
	id := stays.id
	renew(stays)
	renew(dies) // it was only slow
	if got := live(stays); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.3"}) {
		t.Errorf("alive: %v", got)
	}
	if stays.id != id {
		t.Error("a lease that holds was replaced")
	}
	// The same server after a start knows nothing of its former lease.
	renew(&serverLease{client: client, address: "192.0.2.1", ttl: time.Minute})
	if err := stays.end(ctx); err != nil {
		t.Fatal(err)
	}
	if got := live(dies); !slices.Contains(got, "192.0.2.1") {
		t.Errorf("the former lease's end ended the new one: %v", got)
	}
}

func TestSnapshotIsPrivate(t *testing.T) {
	path := t.TempDir() + "/snapshot"
	if _, err := etcdsnapshot.SaveWithVersion(t.Context(), zap.NewNop(), testEtcd(t), path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if exists(path + ".part") {
		t.Error("the unfinished file was left")
	}
}

func TestReleaseLease(t *testing.T) {
	now := time.Unix(1000, 0)
	for holder, want := range map[string]bool{"one_4b2f": true, "two_4b2f": false, "one-b_4b2f": false, "one": false, "": false} {
		lease := &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder}}
		if got := releaseLease(lease, "one", now); got != want {
			t.Errorf("%q released: %v", holder, got)
		}
		if want && (*lease.Spec.HolderIdentity != "" || *lease.Spec.LeaseDurationSeconds != 1 || !lease.Spec.RenewTime.Time.Equal(now)) {
			t.Errorf("%q left as %+v", holder, lease.Spec)
		}
	}
	if releaseLease(&coordinationv1.Lease{}, "one", now) {
		t.Error("a lease that nobody held was released")
	}
}
