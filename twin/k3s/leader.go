package main

import (
	"context"
	"os"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// electedComponents work on one server at a time; their leases in kube-system have their names.
var electedComponents = []string{"kube-controller-manager", "kube-scheduler"}

// leaderElection is always on with embedded etcd, as in K3s, which keeps upstream's values: 15 s, 10 s and 2 s. Here a
// component asks more often, so that one that is handed over (see below) is taken over at once, and gives up later: with
// K3s's timing etcd itself takes up to 10 s to replace a lost leader, and a component that gives up takes all of K3s along.
func leaderElection() []string {
	return []string{
		"leader-elect=true",
		"leader-elect-lease-duration=15s",
		"leader-elect-renew-deadline=13s",
		"leader-elect-retry-period=1s",
	}
}

// releaseLeases gives up the leases that components of this host held when they ended. The holder's name differs with
// each start, so a server would otherwise wait for its own former self; kube-scheduler gives its lease up when it is
// stopped, kube-controller-manager never does. It is for when this host runs neither.
func releaseLeases(ctx context.Context, client kubernetes.Interface) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	leases := client.CoordinationV1().Leases(metav1.NamespaceSystem)
	for _, name := range electedComponents {
		lease, err := leases.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !releaseLease(lease, host, time.Now()) {
			continue
		}
		// In a conflict another server has taken it.
		if _, err := leases.Update(ctx, lease, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
}

// releaseLease writes what a leader writes that gives up, if the holder was one of this host's (<host>_<uuid>).
func releaseLease(lease *coordinationv1.Lease, host string, now time.Time) bool {
	holder := lease.Spec.HolderIdentity
	if holder == nil {
		return false
	}
	if id, ok := strings.CutPrefix(*holder, host+"_"); !ok || strings.Contains(id, "_") {
		return false
	}
	nobody, second, at := "", int32(1), metav1.NewMicroTime(now)
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = &nobody, &second
	lease.Spec.RenewTime, lease.Spec.AcquireTime = &at, &at
	return true
}

// handOverOnStop ends what is elected before anything else ends, and gives its leases up: another server takes over
// within a second.
func (s *server) handOverOnStop(client kubernetes.Interface) {
	s.processes.beforeStop(func() {
		s.processes.endFirst(time.Second, electedComponents...)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := releaseLeases(ctx, client); err != nil {
			warnf("Leases of this server's components run out by themselves: %v", err)
		}
	})
}
