package main

import (
	"net/url"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

func TestReadLocalData(t *testing.T) {
	n := &node{dataDir: t.TempDir()}
	if n.hasData() {
		t.Error("data where none is")
	}
	if data, err := n.readLocalData(); err != nil || data.members != 0 || len(data.bootstrap) != 0 {
		t.Errorf("without data: got %v, %v", data, err)
	}
	config := embed.NewConfig()
	config.Dir, config.LogLevel = n.etcdDirectory(), "fatal"
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config.ListenClientUrls, config.ListenPeerUrls = anyPort, anyPort
	server, err := embed.StartEtcd(config)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		t.Fatal("etcd does not start")
	}
	client := v3client.New(server.Server)
	for _, operation := range []clientv3.Op{
		clientv3.OpPut("/registry/x", "/bootstrap/no"), clientv3.OpPut(bootstrapKey("one"), "first"), clientv3.OpPut(bootstrapKey("two"), "second"),
		clientv3.OpDelete(bootstrapKey("one")),
	} {
		if _, err := client.Do(t.Context(), operation); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	server.Close()
	if !n.hasData() {
		t.Error("no data where some is")
	}
	data, err := n.readLocalData()
	if err != nil || data.members != 1 || len(data.bootstrap) != 1 || string(data.bootstrap[bootstrapKey("two")]) != "second" {
		t.Errorf("got %v, %v", data, err)
	}
}
