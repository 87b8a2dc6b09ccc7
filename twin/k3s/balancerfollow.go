package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	healthInterval = time.Second
	healthLimit    = 2 * time.Second
	// failedChecks in a row count as a failure: one late answer of a busy server is none.
	failedChecks = 2
)

// follow keeps the list of servers to what the Service "kubernetes" leads to.
func (b *balancer) follow(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(metav1.NamespaceDefault),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, "kubernetes").String()
		}))
	changed := func(object any) {
		if slice, ok := object.(*discoveryv1.EndpointSlice); ok {
			b.setServers(sliceAddresses(slice))
		}
	}
	// An endpoint slice that is deleted says nothing: it is about to be made anew.
	factory.Discovery().V1().EndpointSlices().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, object any) { changed(object) },
	})
	factory.Start(ctx.Done())
}

// sliceAddresses are the host:port pairs of an endpoint slice.
func sliceAddresses(slice *discoveryv1.EndpointSlice) []string {
	var addresses []string
	for _, port := range slice.Ports {
		if port.Port == nil || (port.Name != nil && *port.Name != "https") {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, address := range endpoint.Addresses {
				addresses = append(addresses, net.JoinHostPort(address, strconv.Itoa(int(*port.Port))))
			}
		}
	}
	return addresses
}

// checkHealth asks each server each second, as K3s does: one that lost its power keeps connections open without a word.
func (b *balancer) checkHealth(ctx context.Context) {
	// The question tells nothing and trusts no answer but for its coming: whom a component talks to, it verifies itself.
	client := &http.Client{
		Timeout:   healthLimit,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
	}
	failures := map[string]int{}
	for pause(ctx, healthInterval) == nil {
		addresses := b.known()
		answers := make([]bool, len(addresses))
		var all sync.WaitGroup
		for index, address := range addresses {
			all.Add(1)
			go func() {
				defer all.Done()
				answers[index] = ping(ctx, client, address)
			}()
		}
		all.Wait()
		for index, address := range addresses {
			if answers[index] {
				failures[address] = 0
				b.setHealth(address, true, "successful health check")
			} else if failures[address]++; failures[address] >= failedChecks {
				b.setHealth(address, false, "failed health check")
			}
		}
	}
}

func (b *balancer) known() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if slices.Contains(b.servers, b.fallback) {
		return slices.Clone(b.servers)
	}
	return append(slices.Clone(b.servers), b.fallback)
}

func ping(ctx context.Context, client *http.Client, address string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/ping", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}
