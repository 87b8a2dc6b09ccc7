package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	etcdsnapshot "go.etcd.io/etcd/client/v3/snapshot"
	"go.uber.org/zap"
)

const (
	scheduledSnapshotName    = "etcd-snapshot"
	defaultSnapshotRetention = 5
	defaultSnapshotSchedule  = "0 */12 * * *"
	// snapshotJitter keeps the servers of a cluster from all taking theirs at the same moment; the figure is K3s's.
	snapshotJitter = 5 * time.Second
)

// snapshots takes and keeps etcd's snapshots on this server.
type snapshots struct {
	*node
	// saving is held by the one that is being taken.
	saving sync.Mutex
}

// snapshotFile is one that lies in the directory.
type snapshotFile struct {
	name    string
	size    int64
	created time.Time
}

// directory is where snapshots are. As in K3s, only the default one is made when it is missing.
func (s *snapshots) directory(given string) (string, error) {
	directory := cmp.Or(given, s.text("etcd-snapshot-dir", ""))
	if directory == "" {
		directory = s.serverPath("db", "snapshots")
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(directory)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", directory)
	}
	if err != nil {
		return "", fmt.Errorf("failed to get etcd-snapshot-dir: %w", err)
	}
	return directory, nil
}

func snapshotName(base, node string, at time.Time) string {
	return fmt.Sprintf("%s-%s-%d", base, node, at.Unix())
}

// save takes a snapshot; it has its name only when it is whole and on the disk.
func (s *snapshots) save(ctx context.Context, base, givenDirectory string) (string, error) {
	if !s.saving.TryLock() {
		return "", errors.New("snapshot save already in progress")
	}
	defer s.saving.Unlock()
	directory, err := s.directory(givenDirectory)
	if err != nil {
		return "", err
	}
	config, err := etcdClientConfig(s.node)
	if err != nil {
		return "", fmt.Errorf("failed to get config for etcd snapshot: %w", err)
	}
	name := snapshotName(base, s.name, time.Now().Round(time.Second))
	path := filepath.Join(directory, name)
	infof("Saving etcd snapshot to %s", path)
	if _, err := etcdsnapshot.SaveWithVersion(ctx, zap.NewNop(), config, path); err != nil {
		errorf("Failed to take etcd snapshot: %v", err)
		return "", err
	}
	return name, syncDirectory(directory)
}

// list gives the snapshots in a directory, by name.
func listSnapshots(directory string) ([]snapshotFile, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	var files []snapshotFile
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, snapshotFile{entry.Name(), info.Size(), snapshotTime(entry.Name(), info.ModTime())})
	}
	return files, nil
}

// snapshotTime is the number that a snapshot's name ends in, or its file's time.
func snapshotTime(name string, modified time.Time) time.Time {
	seconds, err := strconv.ParseInt(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
	if err != nil {
		return modified
	}
	return time.Unix(seconds, 0)
}

// excessSnapshots are those whose names begin with a prefix, but for the newest few. Without a number of those to keep,
// all are kept.
func excessSnapshots(files []snapshotFile, prefix string, keep int) []snapshotFile {
	if keep < 1 {
		return nil
	}
	matching := slices.DeleteFunc(slices.Clone(files), func(file snapshotFile) bool { return !strings.HasPrefix(file.name, prefix) })
	slices.SortStableFunc(matching, func(one, other snapshotFile) int { return other.created.Compare(one.created) })
	if len(matching) <= keep {
		return nil
	}
	return matching[keep:]
}

// prune removes what is more than keep, and names it.
func (s *snapshots) prune(base, givenDirectory string, keep int) ([]string, error) {
	directory, err := s.directory(givenDirectory)
	if err != nil {
		return nil, err
	}
	infof("Applying snapshot retention=%d to local snapshots with prefix %s in %s", keep, base, directory)
	files, err := listSnapshots(directory)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, file := range excessSnapshots(files, base, keep) {
		path := filepath.Join(directory, file.name)
		infof("Removing local snapshot %s", path)
		if err := os.Remove(path); err != nil {
			return removed, err
		}
		removed = append(removed, file.name)
	}
	return removed, nil
}

// remove deletes snapshots by name; one that is not there is no error, as in K3s.
func (s *snapshots) remove(givenDirectory string, names []string) ([]string, error) {
	directory, err := s.directory(givenDirectory)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, name := range names {
		if filepath.Base(name) != name {
			return removed, errors.New("invalid snapshot name: path traversal not allowed")
		}
		switch err := os.Remove(filepath.Join(directory, name)); {
		case errors.Is(err, fs.ErrNotExist):
			infof("Snapshot %s not found locally", name)
		case err != nil:
			errorf("Failed to delete local snapshot %s: %v", name, err)
		default:
			infof("Snapshot %s deleted locally", name)
			removed = append(removed, name)
		}
	}
	return removed, nil
}

// schedule takes snapshots at the configured times, until the launcher stops.
func (s *snapshots) schedule(ctx context.Context) error {
	if s.flag("etcd-disable-snapshots") {
		return nil
	}
	keep, err := strconv.Atoi(s.text("etcd-snapshot-retention", strconv.Itoa(defaultSnapshotRetention)))
	if err != nil {
		return fmt.Errorf("etcd-snapshot-retention: %q is not a number", s.text("etcd-snapshot-retention", ""))
	}
	clock := cron.New(cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	_, err = clock.AddFunc(s.text("etcd-snapshot-schedule-cron", defaultSnapshotSchedule), func() {
		if pause(ctx, time.Duration(rand.Int63n(int64(snapshotJitter)))) != nil {
			return
		}
		base := s.text("etcd-snapshot-name", scheduledSnapshotName)
		if _, err := s.save(ctx, base, ""); err != nil {
			errorf("Failed to take scheduled snapshot: %v", err)
			return
		}
		if _, err := s.prune(base, "", keep); err != nil {
			warnf("Failed to apply local snapshot retention policy: %v", err)
		}
	})
	if err != nil {
		// K3s goes on without snapshots and says nothing; the option is the user's to mend.
		errorf("No scheduled snapshots: etcd-snapshot-schedule-cron: %v", err)
		return nil
	}
	clock.Start()
	context.AfterFunc(ctx, func() { clock.Stop() })
	return nil
}
