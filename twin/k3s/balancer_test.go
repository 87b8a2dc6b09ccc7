package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
)

func TestDialOrder(t *testing.T) {
	for name, test := range map[string]struct {
		servers          []string
		active, fallback string
		failed           map[string]bool
		want             []string
	}{
		"in the list's order":         {[]string{"a", "b"}, "", "a", nil, []string{"a", "b"}},
		"the one in use first":        {[]string{"a", "b", "c"}, "c", "a", nil, []string{"c", "a", "b"}},
		"failed ones last":            {[]string{"a", "b", "c"}, "a", "a", map[string]bool{"a": true}, []string{"b", "c", "a"}},
		"the configured one, unknown": {[]string{"a", "b"}, "", "vip", map[string]bool{"a": true}, []string{"b", "vip", "a"}},
		"all failed, yet all tried":   {[]string{"a", "b"}, "b", "vip", map[string]bool{"a": true, "b": true, "vip": true}, []string{"a", "b", "vip"}},
		"in use, but not listed":      {[]string{"a"}, "vip", "vip", nil, []string{"a", "vip"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := dialOrder(test.servers, test.active, test.fallback, test.failed); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestServerAddress(t *testing.T) {
	for url, want := range map[string]string{
		"https://a:6443": "a:6443", "https://a": "a:443", "https://192.0.2.1:6443/": "192.0.2.1:6443", "http://a:6443": "", "a:6443": "",
	} {
		if got, err := serverAddress(url); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", url, got, err)
		}
	}
}

func TestSliceAddresses(t *testing.T) {
	port, name := int32(6443), "https"
	slice := &discoveryv1.EndpointSlice{
		Ports:     []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.1"}}, {Addresses: []string{"192.0.2.2"}}},
	}
	if got := sliceAddresses(slice); !slices.Equal(got, []string{"192.0.2.1:6443", "192.0.2.2:6443"}) {
		t.Errorf("got %v", got)
	}
}

// fakeServer answers each connection with its name and then keeps it open.
func fakeServer(t *testing.T, name string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { connection.Close() })
			io.WriteString(connection, name)
		}
	}()
	return listener
}

func testBalancer(t *testing.T, path, serverURL string) *balancer {
	t.Helper()
	b, err := startBalancer(path, serverURL, "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.listener.Close() })
	return b
}

// reach connects through the balancer and says which server answers.
func reach(t *testing.T, b *balancer) (string, net.Conn) {
	t.Helper()
	connection, err := net.Dial("tcp", b.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	answer := make([]byte, 1)
	connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(connection, answer); err != nil {
		return "", connection
	}
	return string(answer), connection
}

func wantClosed(t *testing.T, connection net.Conn, why string) {
	t.Helper()
	if _, err := connection.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("%s: the connection is still open (%v)", why, err)
	}
}

func TestBalancerLeavesADeadServer(t *testing.T) {
	one, two := fakeServer(t, "1"), fakeServer(t, "2")
	path := filepath.Join(t.TempDir(), "balancer.json")
	configured := "https://" + one.Addr().String()
	b := testBalancer(t, path, configured)
	if got, _ := reach(t, b); got != "1" {
		t.Fatalf("the configured server was not reached, but %q", got)
	}
	one.Close()
	if got, _ := reach(t, b); got != "" {
		t.Fatalf("%q answered for a server that is gone", got)
	}
	b.setServers([]string{one.Addr().String(), two.Addr().String()})
	got, connection := reach(t, b)
	if got != "2" {
		t.Fatalf("the other server was not reached, but %q", got)
	}
	b.setServers(nil)
	b.setServers([]string{one.Addr().String()})
	wantClosed(t, connection, "removed from the list")

	b.setServers([]string{one.Addr().String(), two.Addr().String()})
	again := testBalancer(t, path, configured)
	if got, _ := reach(t, again); got != "2" {
		t.Errorf("after a start without the configured server %q answers: it should know the other one", got)
	}
	other := testBalancer(t, path, "https://127.0.0.1:1")
	if got, _ := reach(t, other); got != "" {
		t.Errorf("another cluster's servers were remembered: %q answers", got)
	}
}

func TestBalancerClosesWhatHangs(t *testing.T) {
	one, two := fakeServer(t, "1"), fakeServer(t, "2")
	b := testBalancer(t, filepath.Join(t.TempDir(), "balancer.json"), "https://"+one.Addr().String())
	_, alone := reach(t, b)
	b.setHealth(one.Addr().String(), false, "test")
	if _, err := alone.Write([]byte("x")); err != nil {
		t.Errorf("the only server's connection was closed: %v", err)
	}
	b.setHealth(one.Addr().String(), true, "test")
	b.setServers([]string{one.Addr().String(), two.Addr().String()})
	got, hanging := reach(t, b)
	if got != "1" {
		t.Fatalf("left the server in use for %q", got)
	}
	b.setHealth(one.Addr().String(), false, "test")
	wantClosed(t, hanging, "silent")
	wantClosed(t, alone, "silent, from before")
	if got, _ := reach(t, b); got != "2" {
		t.Errorf("got %q instead of the other server", got)
	}
}

func TestBalancerChecksHealth(t *testing.T) {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ping" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer web.Close()
	address := strings.TrimPrefix(web.URL, "https://")
	if !ping(t.Context(), web.Client(), address) {
		t.Error("a server that answers was taken for dead")
	}
	web.Close()
	if ping(t.Context(), web.Client(), address) {
		t.Error("a dead server was taken for alive")
	}
}
