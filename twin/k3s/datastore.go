package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	localEtcd = "https://127.0.0.1:2379"
	// tombstone marks the data of a member that the others have removed.
	tombstone = "tombstone"
	// keptBackups is how many directories of removed members' data stay.
	keptBackups = 5

	datastoreInterval = 200 * time.Millisecond
	etcdTimeout       = 10 * time.Second
)

// datastore is this server's member of the embedded etcd cluster.
type datastore struct {
	*node
	processes *processes
	// member is this member's name.
	member string
	client *clientv3.Client
}

func newDatastore(n *node, p *processes) (*datastore, error) {
	member, err := n.ensureMemberName()
	if err != nil {
		return nil, err
	}
	d := &datastore{node: n, processes: p, member: member}
	d.client, err = newEtcdClient(n, localEtcd)
	return d, err
}

func newEtcdClient(n *node, endpoints ...string) (*clientv3.Client, error) {
	config, err := etcdClientConfig(n)
	if err != nil {
		return nil, err
	}
	config.Endpoints, config.MaxUnaryRetries = endpoints, 1
	config.DialKeepAliveTime, config.DialKeepAliveTimeout = 30*time.Second, 10*time.Second
	return clientv3.New(config)
}

// start starts etcd from its own data, or founds a cluster, or joins the one of a server that is there.
func (d *datastore) start(ctx context.Context, join *connection, data localData) error {
	start := etcdStart{cluster: []string{d.member + "=" + d.peerURL()}, state: "new", quick: true}
	switch {
	case d.hasData():
		if last := d.readEtcdStart(); len(last.cluster) > 0 {
			start = last
		}
		start.quick = data.members == 1
	case join != nil:
		var err error
		if start, err = d.join(ctx, join); err != nil {
			return fmt.Errorf("etcd cluster join failed: %w", err)
		}
	}
	return d.run(start)
}

func (d *datastore) run(start etcdStart) error {
	config, err := writeEtcdConfig(d.node, d.member, start)
	if err != nil {
		return err
	}
	return d.processes.startComponent("etcd", []string{"--config-file=" + config})
}

var errNoMemberList = errors.New("failed to retrieve etcd member list")

// join adds this member as a learner, one server at a time: etcd takes no second learner while there is one.
func (d *datastore) join(ctx context.Context, server *connection) (etcdStart, error) {
	quiet := &quietLog{}
	for {
		start, err := d.tryJoin(ctx, server)
		switch {
		case err == nil:
			infof("Starting etcd for cluster %v", start.cluster)
			return start, nil
		case errors.Is(err, rpctypes.ErrTooManyLearners), errors.Is(err, rpctypes.ErrUnhealthy):
			quiet.log("info", "Waiting for other members to finish joining etcd cluster: %v", err)
		case errors.Is(err, errNoMemberList):
			quiet.log("info", "Waiting to retrieve etcd cluster member list: %v", err)
		default:
			return start, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return start, err
		}
	}
}

func (d *datastore) tryJoin(ctx context.Context, server *connection) (etcdStart, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*etcdTimeout)
	defer cancel()
	known, err := server.members(ctx)
	if err != nil {
		return etcdStart{}, fmt.Errorf("%w: %w", errNoMemberList, err)
	}
	endpoints := votersURLs(known, d.clientURL())
	if len(endpoints) == 0 {
		return etcdStart{}, errNoMemberList
	}
	client, err := newEtcdClient(d.node, endpoints...)
	if err != nil {
		return etcdStart{}, err
	}
	defer client.Close()
	members, err := client.MemberList(ctx)
	if err != nil {
		return etcdStart{}, fmt.Errorf("%w: %w", errNoMemberList, err)
	}
	cluster, isMember, err := planJoin(members.Members, d.node.name, d.member, d.address.String())
	if err != nil {
		// Under its next name this node gets a member name of that name.
		if err := os.Remove(d.etcdDirectory("name")); err != nil {
			errorf("Failed to remove etcd name file: %v", err)
		}
		return etcdStart{}, err
	}
	if !isMember {
		infof("Adding member %s=%s to etcd cluster %v", d.member, d.peerURL(), cluster)
		if _, err := client.MemberAddAsLearner(ctx, []string{d.peerURL()}); err != nil {
			return etcdStart{}, err
		}
		cluster = append(cluster, d.member+"="+d.peerURL())
	}
	return etcdStart{cluster: cluster, state: "existing", quick: true}, nil
}

// votersURLs lists where the voting members but this one answer clients.
func votersURLs(members []*etcdserverpb.Member, own string) []string {
	var urls []string
	for _, member := range members {
		if member.IsLearner {
			continue
		}
		for _, one := range member.ClientURLs {
			if one != own {
				urls = append(urls, one)
			}
		}
	}
	return urls
}

// planJoin lists the cluster's members as name=url, and says whether this one is among them already: a member that has
// never started has no name yet and is known by its address.
func planJoin(members []*etcdserverpb.Member, nodeName, memberName, address string) (cluster []string, isMember bool, err error) {
	for _, member := range members {
		name := member.Name
		for _, peer := range member.PeerURLs {
			parsed, err := url.Parse(peer)
			if err != nil {
				return nil, false, err
			}
			if parsed.Hostname() != address {
				continue
			}
			if name == "" {
				name = memberName
			}
			isMember = isMember || name == memberName
		}
		if name != memberName && nodeOfMember(name) == nodeName {
			return nil, false, errors.New("duplicate node name found, please use a unique name for this node")
		}
		if len(member.PeerURLs) > 0 {
			cluster = append(cluster, name+"="+member.PeerURLs[0])
		}
	}
	return cluster, isMember, nil
}

// nodeOfMember takes the random end off a member's name.
func nodeOfMember(name string) string {
	if end := strings.LastIndex(name, "-"); end > 1 {
		return name[:end]
	}
	return name
}

// waitReady returns when this member votes and the cluster has a quorum: no sooner can an API server work with it.
func (d *datastore) waitReady(ctx context.Context) error {
	quiet := &quietLog{}
	for {
		err := d.test(ctx)
		if err == nil {
			infof("etcd data store connection OK")
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		quiet.log("info", "Failed to test data store connection: %v", err)
		if err := pause(ctx, datastoreInterval); err != nil {
			return err
		}
	}
}

func (d *datastore) test(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	status, err := d.client.Status(ctx, localEtcd)
	if err != nil {
		return err
	}
	if status.IsLearner {
		return errors.New("this server has not yet been promoted from learner to voting member")
	}
	members, err := d.client.MemberList(ctx)
	if err != nil {
		return err
	}
	return checkMembership(members.Members, d.member, d.peerURL())
}

func checkMembership(members []*etcdserverpb.Member, name, peerURL string) error {
	found := []string{}
	for _, member := range members {
		for _, peer := range member.PeerURLs {
			if peer == peerURL && member.Name == name {
				return nil
			}
		}
		if len(member.PeerURLs) > 0 {
			found = append(found, member.Name+"="+member.PeerURLs[0])
		}
	}
	return fmt.Errorf("this server is a not a member of the etcd cluster. Found %v, expect: %s=%s", found, name, peerURL)
}

// clearTombstone puts the data of a member that the others removed aside: it is of no use any more, and what starts
// without data joins anew.
func (n *node) clearTombstone() error {
	if !exists(n.etcdDirectory(tombstone)) {
		return nil
	}
	infof("tombstone file has been detected, removing data dir to rejoin the cluster")
	old, err := filepath.Glob(n.etcdDirectory() + "-backup-*")
	if err != nil {
		return err
	}
	sort.Strings(old)
	for len(old) > keptBackups {
		if err := os.RemoveAll(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	return os.Rename(n.etcdDirectory(), fmt.Sprintf("%s-backup-%d", n.etcdDirectory(), time.Now().Unix()))
}
