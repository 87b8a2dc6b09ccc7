package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/kubernetes"
)

const (
	// Where kube-apiserver itself would keep who is alive (--endpoint-reconciler-type=lease), and for how long it believes it.
	// etcd counts the time, so the servers' clocks need not agree.
	serverLeasePrefix = "/registry/masterleases/"
	serverLeaseTTL    = 15 * time.Second

	endpointInterval = 5 * time.Second
	endpointLimit    = 3 * time.Second
)

// serverLease says in etcd that this server is alive, for as long as it is renewed.
type serverLease struct {
	client  *clientv3.Client
	address string
	ttl     time.Duration
	id      clientv3.LeaseID
}

// renew extends the lease, or takes a new one where there is none or it has run out.
func (l *serverLease) renew(ctx context.Context) error {
	if l.id != 0 {
		_, err := l.client.KeepAliveOnce(ctx, l.id)
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
	}
	granted, err := l.client.Grant(ctx, int64(l.ttl.Seconds()))
	if err != nil {
		return err
	}
	if _, err := l.client.Put(ctx, serverLeasePrefix+l.address, "", clientv3.WithLease(granted.ID)); err != nil {
		return err
	}
	l.id = granted.ID
	return nil
}

// end says that this server goes. The others need not wait until its lease has run out.
func (l *serverLease) end(ctx context.Context) error {
	if l.id == 0 {
		return nil
	}
	_, err := l.client.Revoke(ctx, l.id)
	return err
}

// live lists the addresses of all servers that are alive.
func (l *serverLease) live(ctx context.Context) ([]string, error) {
	found, err := l.client.Get(ctx, serverLeasePrefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, pair := range found.Kvs {
		addresses = append(addresses, strings.TrimPrefix(string(pair.Key), serverLeasePrefix))
	}
	slices.Sort(addresses)
	return addresses, nil
}

// keepEndpoints makes the Service "kubernetes" lead to all servers that are alive, from now until the launcher stops.
// Each server does so with the same outcome. It returns when this one is among them.
func (s *server) keepEndpoints(ctx context.Context, client kubernetes.Interface) error {
	config, err := etcdClientConfig(s.node)
	if err != nil {
		return err
	}
	etcd, err := clientv3.New(config)
	if err != nil {
		return err
	}
	lease := &serverLease{client: etcd, address: s.advertiseAddress, ttl: serverLeaseTTL}
	if err := s.retry(ctx, "the API's endpoint", func() error { return s.reconcileEndpoints(ctx, client, lease) }); err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		quiet := &quietLog{}
		changes := etcd.Watch(ctx, serverLeasePrefix, clientv3.WithPrefix())
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(endpointInterval):
			case _, ok := <-changes:
				if !ok {
					changes = nil
				}
			}
			if err := s.reconcileEndpoints(ctx, client, lease); err != nil && ctx.Err() == nil {
				quiet.log("warning", "The API's endpoints: %v", err)
			}
		}
	}()
	s.processes.beforeStop(func() {
		leave()
		<-done
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.leaveEndpoints(limited, client, lease); err != nil {
			warnf("This server stays among the API's endpoints until its lease runs out: %v", err)
		}
	})
	return nil
}

func (s *server) reconcileEndpoints(ctx context.Context, client kubernetes.Interface, lease *serverLease) error {
	ctx, cancel := context.WithTimeout(ctx, endpointLimit)
	defer cancel()
	if err := lease.renew(ctx); err != nil {
		return err
	}
	addresses, err := lease.live(ctx)
	if err != nil {
		return err
	}
	return s.publishEndpoints(ctx, client, addresses)
}

// leaveEndpoints takes this server out, unless it is the last one: then there is nobody to lead to instead.
func (s *server) leaveEndpoints(ctx context.Context, client kubernetes.Interface, lease *serverLease) error {
	if err := lease.end(ctx); err != nil {
		return err
	}
	addresses, err := lease.live(ctx)
	if err != nil || len(addresses) == 0 {
		return err
	}
	return s.publishEndpoints(ctx, client, addresses)
}
