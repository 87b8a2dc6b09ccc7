package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	etcdsnapshot "go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// errReset ends a cluster-reset that has succeeded.
var errReset = errors.New("Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. " +
	"Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes")

// resetFlag is there from a cluster-reset to the next start, so that a flag left in place does not reset at each start.
func (n *node) resetFlag() string {
	return n.serverPath("db", "reset-flag")
}

// takeResetFlag says whether this start is the first after a cluster-reset.
func (n *node) takeResetFlag() (bool, error) {
	if !exists(n.resetFlag()) {
		return false, nil
	}
	return true, os.Remove(n.resetFlag())
}

// forgetPassword removes a node's password secret.
func forgetPassword(ctx context.Context, client kubernetes.Interface, node string) error {
	err := client.CoreV1().Secrets(metav1.NamespaceSystem).Delete(ctx, secretName(node), metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// reset makes a cluster of this server alone, from its own data or from a snapshot, and ends.
func (s *server) reset(ctx context.Context) error {
	path := s.text("cluster-reset-restore-path", "")
	switch {
	case !s.flag("cluster-reset"):
		return errors.New("invalid flag use; --cluster-reset required with --cluster-reset-restore-path")
	case s.text("server", "") != "":
		return errors.New("cannot perform cluster-reset while server URL is set - remove server from configuration before resetting")
	case path == "" && exists(s.resetFlag()):
		return fmt.Errorf("Managed etcd cluster membership was previously reset, please remove the cluster-reset flag and start k3s normally. "+
			"If you need to perform another cluster reset, you must first manually delete the %s file", s.resetFlag())
	}
	if err := s.settleTokens(); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	if path != "" {
		if err := s.restore(path); err != nil {
			return fmt.Errorf("starting kubernetes: preparing server: start managed database: %w", err)
		}
	} else if !s.hasData() {
		return errors.New("starting kubernetes: preparing server: there is no etcd data to reset")
	} else if err := os.Remove(s.etcdDirectory("name")); err != nil && !os.IsNotExist(err) {
		return err
	}
	var err error
	if s.datastore, err = newDatastore(s.node, s.processes); err != nil {
		return err
	}
	if err := writeFile(s.resetFlag(), nil, 0o600); err != nil {
		return err
	}
	if err := s.datastore.run(etcdStart{cluster: []string{s.datastore.member + "=" + s.peerURL()}, state: "new", quick: true, reset: true}); err != nil {
		return err
	}
	if err := s.datastore.waitReset(ctx); err != nil {
		return err
	}
	if err := s.bootstrapFromStore(ctx); err != nil {
		return err
	}
	infof("%v", errReset)
	return errReset
}

// waitReset returns when this member is the only one, at the address that this node has now.
func (d *datastore) waitReset(ctx context.Context) error {
	quiet := &quietLog{}
	for {
		err := d.test(ctx)
		if err == nil {
			return nil
		}
		if members, listErr := d.client.MemberList(ctx); listErr == nil && len(members.Members) == 1 {
			_, err = d.client.MemberUpdate(ctx, members.Members[0].ID, []string{d.peerURL()})
		}
		if err != nil {
			quiet.log("info", "Failed to test data store connection: %v", err)
		}
		if err := pause(ctx, datastoreInterval); err != nil {
			return err
		}
	}
}

// bootstrapFromStore writes the files that all servers share as the restored data has them; what lay there is kept beside.
func (s *server) bootstrapFromStore(ctx context.Context) error {
	keys, err := s.datastore.bootstrapKeys(ctx)
	if err != nil {
		return err
	}
	shared, err := findBootstrap(keys, s.tokens.ofServer())
	if err != nil {
		return err
	}
	if shared == nil {
		return s.datastore.saveBootstrap(ctx, s.tokens.ofServer())
	}
	backup := fmt.Sprintf("%s-%d", s.tlsPath(), time.Now().Unix())
	infof("Cluster reset: backing up certificates directory to %s", backup)
	if err := os.CopyFS(backup, os.DirFS(s.tlsPath())); err != nil {
		return err
	}
	if err := os.Chmod(backup, 0o700); err != nil {
		return err
	}
	if err := s.reconcile(shared, true); err != nil {
		return err
	}
	return s.prepare()
}

// restore replaces etcd's data with that of a snapshot; the old data is moved aside.
func (s *server) restore(path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return fmt.Errorf("etcd: snapshot path does not exist: %s", path)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("etcd: snapshot path must be a file, not a directory: %s", path)
	}
	if strings.HasSuffix(path, ".zip") {
		if path, err = unzipSnapshot(path, s.serverPath("db", "snapshots")); err != nil {
			return err
		}
		defer os.Remove(path)
	}
	if exists(s.etcdDirectory()) {
		old := fmt.Sprintf("%s-old-%d", s.etcdDirectory(), time.Now().Unix())
		if err := os.Rename(s.etcdDirectory(), old); err != nil {
			return err
		}
		infof("Pre-restore etcd database moved to %s", old)
	}
	name := s.node.name + "-" + randomSecret()[:8]
	if err := os.MkdirAll(s.serverPath("db"), 0o700); err != nil {
		return err
	}
	if err := etcdsnapshot.NewV3(zap.NewNop()).Restore(etcdsnapshot.RestoreConfig{
		SnapshotPath: path, Name: name, OutputDataDir: s.etcdDirectory(),
		PeerURLs: []string{s.peerURL()}, InitialCluster: name + "=" + s.peerURL(), InitialClusterToken: "etcd-cluster",
	}); err != nil {
		return err
	}
	return writeFile(s.etcdDirectory("name"), []byte(name), 0o600)
}

// unzipSnapshot unpacks the one file of a compressed snapshot.
func unzipSnapshot(path, directory string) (string, error) {
	infof("Decompressing etcd snapshot file: %s", path)
	archive, err := zip.OpenReader(path)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	if len(archive.File) != 1 {
		return "", fmt.Errorf("%s: holds %d files, not one snapshot", path, len(archive.File))
	}
	packed, err := archive.File[0].Open()
	if err != nil {
		return "", err
	}
	defer packed.Close()
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", err
	}
	target, err := os.CreateTemp(directory, "."+strings.TrimSuffix(filepath.Base(path), ".zip")+"-")
	if err != nil {
		return "", err
	}
	defer target.Close()
	_, err = io.Copy(target, packed)
	return target.Name(), err
}
