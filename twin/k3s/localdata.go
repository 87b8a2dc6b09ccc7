package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// localData is what this server's own etcd data says before etcd runs. K3s asks a temporary etcd for it.
type localData struct {
	// bootstrap holds the encrypted bootstrap data by key.
	bootstrap map[string][]byte
	// members counts the cluster's members.
	members int
}

// hasData says whether etcd has run here before: then this server goes on with what it has, whatever its options say.
func (n *node) hasData() bool {
	info, err := os.Stat(n.serverPath("db", "etcd", "member", "wal"))
	return err == nil && info.IsDir()
}

// readLocalData reads etcd's file. What was written in the last tenth of a second before a power cut may be missing.
func (n *node) readLocalData() (localData, error) {
	data := localData{bootstrap: map[string][]byte{}}
	path := filepath.Join(n.serverPath("db", "etcd"), "member", "snap", "db")
	if !exists(path) {
		return data, nil
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: 5 * time.Second})
	if err != nil {
		return data, err
	}
	defer db.Close()
	return data, db.View(func(tx *bolt.Tx) error {
		if members := tx.Bucket([]byte("members")); members != nil {
			data.members = members.Stats().KeyN
		}
		revisions := tx.Bucket([]byte("key"))
		if revisions == nil {
			return nil
		}
		return revisions.ForEach(func(revision, value []byte) error {
			if !bytes.Contains(value[:min(len(value), 64)], []byte(bootstrapPrefix)) {
				return nil
			}
			var pair mvccpb.KeyValue
			if err := pair.Unmarshal(value); err != nil {
				return err
			}
			if !strings.HasPrefix(string(pair.Key), bootstrapPrefix) {
				return nil
			}
			// A revision that ends in "t" is a deletion (go.etcd.io/etcd/server/v3/storage/mvcc/revision.go).
			if bytes.HasSuffix(revision, []byte("t")) && len(revision) == 18 {
				delete(data.bootstrap, string(pair.Key))
			} else {
				data.bootstrap[string(pair.Key)] = bytes.Clone(pair.Value)
			}
			return nil
		})
	})
}
