package main

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestBootstrapKey(t *testing.T) {
	// printf %s secret | sha256sum
	if got, want := bootstrapKey("secret"), "/bootstrap/2bb80d537b1d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSealBootstrap(t *testing.T) {
	data := bootstrapData{"ServiceKey": {Timestamp: time.Unix(1700000000, 0).UTC(), Content: []byte("a key")}}
	sealed, err := sealBootstrap("one", data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "ServiceKey") {
		t.Error("the data can be read without the token")
	}
	opened, err := openBootstrap("one", sealed)
	if err != nil || !reflect.DeepEqual(opened, data) {
		t.Errorf("got %v, %v", opened, err)
	}
	if _, err := openBootstrap("two", sealed); err == nil {
		t.Error("opened with another token")
	}
	for _, broken := range []string{"", "salt", "salt:!", "salt:aaaa"} {
		if _, err := openBootstrap("one", []byte(broken)); err == nil {
			t.Errorf("%q was opened", broken)
		}
	}
}

func TestFindBootstrap(t *testing.T) {
	if found, err := findBootstrap(nil, "one"); found != nil || err != nil {
		t.Errorf("an empty store: got %v, %v", found, err)
	}
	sealed, err := sealBootstrap("one", bootstrapData{"ServiceKey": {Content: []byte("a key")}})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{bootstrapKey("one"): sealed}
	if found, err := findBootstrap(keys, "one"); err != nil || string(found["ServiceKey"].Content) != "a key" {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err := findBootstrap(keys, "two"); !errors.Is(err, errOtherToken) {
		t.Errorf("another token: got %v", err)
	}
}

func TestReconcile(t *testing.T) {
	n := &node{dataDir: t.TempDir()}
	path := n.tlsPath("service.key")
	stamp := time.Now().Add(-time.Hour).Truncate(time.Second)
	shared := bootstrapData{"ServiceKey": {Timestamp: stamp, Content: []byte("shared")}, "Unknown": {Content: []byte("x")}}
	read := func() string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	if err := n.reconcile(shared, false); err != nil || read() != "shared" {
		t.Fatalf("a file that is not there: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || !info.ModTime().Equal(stamp) {
		t.Errorf("got %v, %v", info, err)
	}
	again, err := n.readBootstrapData()
	if err != nil || len(again) != 1 || string(again["ServiceKey"].Content) != "shared" {
		t.Errorf("read back: %v, %v", again, err)
	}

	write := func(at time.Time) {
		if err := os.WriteFile(path, []byte("own"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(stamp.Add(time.Second))
	if err := n.reconcile(shared, false); err != nil || read() != "shared" {
		t.Errorf("an older file: %v", err)
	}
	write(stamp.Add(time.Minute))
	if err := n.reconcile(shared, false); err != nil || read() != "shared" {
		t.Errorf("a newer file, without etcd's CAs: %v", err)
	}
	if err := writeFile(n.tlsPath("etcd", "server-ca.crt"), []byte("ca"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(stamp.Add(time.Minute))
	if err := n.reconcile(shared, false); err == nil || !strings.Contains(err.Error(), "newer than datastore and could cause a cluster outage") || read() != "own" {
		t.Errorf("a newer file: %v", err)
	}
	if err := n.reconcile(shared, true); err != nil || read() != "shared" {
		t.Errorf("a newer file, at a reset: %v", err)
	}
	write(stamp.Add(time.Minute))
	shared["ServiceKey"] = bootstrapFile{Timestamp: stamp, Content: []byte("own")}
	if err := n.reconcile(shared, false); err != nil {
		t.Errorf("a newer file that says the same: %v", err)
	}
}
