// k3s is the twin's stand-in for K3s: its command line, files and behaviour over upstream Kubernetes, etcd and
// containerd. README.md says what is like K3s and what is not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// version is set when linking (build.sh).
var version = "v0.0.0+k3s0"

const usage = `NAME:
   k3s - Kubernetes, but small and simple (the twin's stand-in for it)

USAGE:
   k3s [global options] command [command options]

COMMANDS:
   server         Run management server
   agent          Run node agent
   kubectl        Run kubectl
   ctr            Run ctr
   etcd-snapshot  Manage etcd snapshots

GLOBAL OPTIONS:
   --help, -h     show help
   --version, -v  print the version
`

// otherCommands are K3s's, and not carried.
var otherCommands = []string{"crictl", "token", "check-config", "secrets-encrypt", "certificate", "completion"}

func main() {
	os.Exit(run(os.Args))
}

func run(arguments []string) int {
	name := filepath.Base(arguments[0])
	if _, ok := components[name]; ok {
		return runComponent(name)
	}
	rest := arguments[1:]
	switch name {
	case "kubectl", "ctr", "crictl":
		rest = append([]string{name}, rest...)
	}
	if len(rest) == 0 {
		fmt.Print(usage)
		return 0
	}
	switch command := rest[0]; command {
	case "--version", "-v":
		fmt.Printf("k3s version %s (twin)\ngo version %s\n", version, runtime.Version())
		return 0
	case "--help", "-h", "help":
		fmt.Print(usage)
		return 0
	case "kubectl":
		return runKubectl(rest[1:])
	case "ctr":
		return report(runCtr(rest[1:]))
	case "server", "agent":
		return runNode(command, rest[1:])
	case "etcd-snapshot":
		return runSnapshotCommand(rest[1:])
	default:
		for _, known := range otherCommands {
			if command == known {
				return report(fmt.Errorf("k3s %s is not carried by K3s's stand-in on the twin", command))
			}
		}
		fmt.Fprintf(os.Stderr, "No help topic for '%s'\n", command)
		return 3
	}
}

func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// runCtr becomes containerd's own client, pointed at K3s's containerd.
func runCtr(arguments []string) error {
	bin, err := extractPayload(defaultDataDir)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"CONTAINERD_ADDRESS": containerdSocket, "CONTAINERD_NAMESPACE": "k8s.io"} {
		if os.Getenv(name) == "" {
			os.Setenv(name, value)
		}
	}
	return syscall.Exec(filepath.Join(bin, "ctr"), append([]string{"ctr"}, arguments...), os.Environ())
}

// runNode runs until it is told to stop (exit code 0) or a component ends by itself (1, so that systemd starts all again).
func runNode(role string, arguments []string) int {
	takeNotifySocket()
	given, err := readValues(role, arguments)
	if err != nil {
		return fatal(err)
	}
	if os.Geteuid() != 0 {
		return fatal(fmt.Errorf("must be run as root"))
	}
	infof("Starting k3s %s (twin)", version)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	all := newProcesses()
	failed := make(chan error, 2)
	go func() {
		n, err := newNode(role, given)
		if err == nil && role == "server" {
			err = runServer(ctx, n, all, failed)
		} else if err == nil {
			err = runAgent(ctx, n, all)
		}
		if err != nil {
			failed <- err
		}
	}()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	case err = <-all.failed:
	}
	stopped := ctx.Err() != nil
	all.stop()
	if errors.Is(err, errReset) {
		return 0
	}
	if stopped || errors.Is(err, context.Canceled) {
		infof("k3s %s has stopped; containers go on", role)
		return 0
	}
	return fatal(err)
}

func fatal(err error) int {
	logLine("fatal", "%v", err)
	return 1
}
