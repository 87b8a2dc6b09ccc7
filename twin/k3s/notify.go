package main

import (
	"net"
	"os"
)

var notifySocket string

// takeNotifySocket removes systemd's socket from the environment before any child starts:
// the kubelet and etcd would otherwise announce their own readiness as the unit's.
func takeNotifySocket() {
	notifySocket = os.Getenv("NOTIFY_SOCKET")
	os.Unsetenv("NOTIFY_SOCKET")
}

// notifyReady tells systemd (Type=notify) that the service is up. Without systemd it does nothing.
func notifyReady() {
	if notifySocket == "" {
		return
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: notifySocket, Net: "unixgram"})
	if err != nil {
		warnf("systemd was not told that the service is ready: %v", err)
		return
	}
	defer connection.Close()
	if _, err := connection.Write([]byte("READY=1\n")); err != nil {
		warnf("systemd was not told that the service is ready: %v", err)
	}
}
