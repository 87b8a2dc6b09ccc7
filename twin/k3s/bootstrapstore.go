package main

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// bootstrapKeys reads all bootstrap data that the cluster's etcd holds.
func (d *datastore) bootstrapKeys(ctx context.Context) (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	found, err := d.client.Get(ctx, bootstrapPrefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	keys := map[string][]byte{}
	for _, pair := range found.Kvs {
		keys[string(pair.Key)] = pair.Value
	}
	return keys, nil
}

// saveBootstrap stores the files that all servers share, unless they are there: whoever restores a snapshot finds them in it.
func (d *datastore) saveBootstrap(ctx context.Context, password string) error {
	keys, err := d.bootstrapKeys(ctx)
	if err != nil {
		return err
	}
	if found, err := findBootstrap(keys, password); err != nil || found != nil {
		return err
	}
	data, err := d.readBootstrapData()
	if err != nil {
		return err
	}
	sealed, err := sealBootstrap(password, data)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	key := bootstrapKey(password)
	_, err = d.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).Then(clientv3.OpPut(key, string(sealed))).Commit()
	return err
}

// rotateBootstrap encrypts the bootstrap data with another token, in one step: there is never none and never both.
func (d *datastore) rotateBootstrap(ctx context.Context, oldPassword, newPassword string) error {
	keys, err := d.bootstrapKeys(ctx)
	if err != nil {
		return err
	}
	data, err := findBootstrap(keys, oldPassword)
	if err != nil {
		return err
	}
	if data == nil {
		return errors.New("no bootstrap data found")
	}
	sealed, err := sealBootstrap(newPassword, data)
	if err != nil {
		return err
	}
	oldKey, newKey := bootstrapKey(oldPassword), bootstrapKey(newPassword)
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	done, err := d.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(oldKey), ">", 0)).
		Then(clientv3.OpPut(newKey, string(sealed)), clientv3.OpDelete(oldKey)).Commit()
	if err != nil {
		return err
	}
	if !done.Succeeded {
		return errors.New("the bootstrap data has been changed by another server meanwhile")
	}
	// A start reads etcd's file (localdata.go), which etcd writes each tenth of a second.
	return pause(ctx, 500*time.Millisecond)
}
