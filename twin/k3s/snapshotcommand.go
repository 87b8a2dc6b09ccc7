package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	onDemandSnapshotName = "on-demand"
	// snapshotLimit is how long a card may take to write a snapshot.
	snapshotLimit = 5 * time.Minute
)

const snapshotUsage = `NAME:
   k3s etcd-snapshot - Manage etcd snapshots

USAGE:
   k3s etcd-snapshot command [command options]

COMMANDS:
   save         Trigger an immediate etcd snapshot
   delete       Delete given snapshot(s)
   ls, list, l  List snapshots
   prune        Remove snapshots that match the name prefix that exceed the configured retention count
`

// runSnapshotCommand asks the server of this node, as K3s does since 1.29: the command has neither etcd's certificates nor
// the server's options in its hands.
func runSnapshotCommand(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	flags, words := splitArguments(snapshotOptions, arguments)
	given, err := readOptions(snapshotOptions, flags)
	if err != nil {
		return fatal(err)
	}
	if len(words) == 0 {
		fmt.Print(snapshotUsage)
		return 0
	}
	if err := askForSnapshots(ctx, given, words[0], words[1:]); err != nil {
		return fatal(err)
	}
	return 0
}

// splitArguments tells options and their values from the other words, wherever they stand.
func splitArguments(options []option, arguments []string) (flags, words []string) {
	for index := 0; index < len(arguments); index++ {
		argument := arguments[index]
		if !strings.HasPrefix(argument, "-") {
			words = append(words, argument)
			continue
		}
		flags = append(flags, argument)
		name := strings.TrimLeft(argument, "-")
		known, ok := findOption(options, name)
		if ok && known.kind != flag && index+1 < len(arguments) {
			index++
			flags = append(flags, arguments[index])
		}
	}
	return flags, words
}

func askForSnapshots(ctx context.Context, given values, command string, names []string) error {
	asked, err := newSnapshotRequest(given, command, names)
	if err != nil {
		return err
	}
	format := given.text("output", "")
	if asked.Operation == "list" && !slices.Contains([]string{"", "json", "yaml"}, format) {
		return errors.New("invalid output format: " + format)
	}
	secret := given.text("etcd-token", "")
	if secret == "" {
		content, err := os.ReadFile(filepath.Join(given.text("data-dir", defaultDataDir), "server", "token"))
		if err != nil {
			return err
		}
		secret = strings.TrimSpace(string(content))
	}
	parsed, err := parseToken(secret)
	if err != nil {
		return err
	}
	server, err := tryConnect(ctx, given.text("etcd-server", "https://127.0.0.1:6443"), parsed)
	if err != nil {
		return err
	}
	server.client.Timeout = snapshotLimit
	body, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	answer, err := request(ctx, server.client, http.MethodPost, server.url+"/db/snapshot", body, func(r *http.Request) {
		r.SetBasicAuth("server", parsed.password)
	})
	if err != nil {
		return fmt.Errorf("see server log for details: %w", serverMessage(err))
	}
	if asked.Operation == "list" {
		return printSnapshots(answer, format)
	}
	var result snapshotResult
	if err := json.Unmarshal(answer, &result); err != nil {
		return err
	}
	for _, name := range result.Created {
		infof("Snapshot %s saved.", name)
	}
	for _, name := range result.Deleted {
		infof("Snapshot %s deleted.", name)
	}
	return nil
}

// serverMessage is what the server itself says of an error, where it says something.
func serverMessage(err error) error {
	var status *statusError
	var said struct{ Message string }
	if errors.As(err, &status) && json.Unmarshal(status.answer, &said) == nil && said.Message != "" {
		return errors.New(said.Message)
	}
	return err
}

func newSnapshotRequest(given values, command string, names []string) (snapshotRequest, error) {
	asked := snapshotRequest{Name: []string{given.text("name", onDemandSnapshotName)}, Dir: given.text("etcd-snapshot-dir", "")}
	switch command {
	case "save":
		asked.Operation = "save"
	case "ls", "list", "l":
		asked.Operation = "list"
	case "prune":
		asked.Operation = "prune"
		keep, err := strconv.Atoi(given.text("etcd-snapshot-retention", strconv.Itoa(defaultSnapshotRetention)))
		if err != nil {
			return asked, fmt.Errorf("etcd-snapshot-retention: %w", err)
		}
		asked.Retention = &keep
	case "delete":
		if len(names) == 0 {
			return asked, errors.New("no snapshots given for removal")
		}
		asked.Operation, asked.Name = "delete", names
		return asked, nil
	default:
		return asked, fmt.Errorf("No help topic for '%s'", command)
	}
	if len(names) > 0 {
		return asked, errors.New("this command does not take any arguments")
	}
	return asked, nil
}

func printSnapshots(answer []byte, format string) error {
	var list snapshotList
	if err := json.Unmarshal(answer, &list); err != nil {
		return err
	}
	switch format {
	case "json":
		return json.NewEncoder(os.Stdout).Encode(list)
	case "yaml":
		content, err := yaml.Marshal(list)
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(content)
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprint(table, "Name\tLocation\tSize\tCreated\n")
	for _, item := range list.Items {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", item.Spec.SnapshotName, item.Spec.Location, item.Status.Size, item.Status.CreationTime.Format(time.RFC3339))
	}
	return table.Flush()
}
