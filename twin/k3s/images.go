package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const imagesInterval = 2 * time.Second

// stamp tells whether an image archive is the one that was imported.
type stamp struct {
	Size  int64
	MTime time.Time
}

// importImages imports the archives that lie in <data-dir>/agent/images, and from then on those that are put there
// (https://docs.k3s.io/import-images). What was imported is remembered beside containerd's own data.
func importImages(ctx context.Context, n *node, bin string) error {
	directory := n.agentPath("images")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	statePath := n.agentPath("containerd", "imported-images.json")
	done := map[string]stamp{}
	if content, err := os.ReadFile(statePath); err == nil {
		if err := json.Unmarshal(content, &done); err != nil {
			warnf("%s is unreadable, importing all images again: %v", statePath, err)
		}
	}
	importNew := func(found map[string]stamp) (imported bool) {
		for path, now := range found {
			if done[path].Size == now.Size && done[path].MTime.Equal(now.MTime) {
				continue
			}
			started := time.Now()
			if err := importImage(ctx, path, bin); err != nil {
				if ctx.Err() == nil {
					errorf("Error encountered while importing %s: %v", path, err)
				}
				continue
			}
			infof("Imported images from %s in %s", path, time.Since(started).Round(time.Millisecond))
			done[path] = now
			imported = true
		}
		return imported
	}
	remember := func() {
		if err := rememberImages(statePath, done); err != nil {
			warnf("Imported images are not remembered: %v", err)
		}
	}
	seen := findImages(directory)
	imported := importNew(seen)
	go func() {
		if imported {
			remember() // takes as long as the disk is slow: not on the way to a node that is ready
		}
		for pause(ctx, imagesInterval) == nil {
			found := findImages(directory)
			// A file that is still being written differs from one look to the next.
			settled := map[string]stamp{}
			for path, now := range found {
				if seen[path] == now {
					settled[path] = now
				}
			}
			if importNew(settled) {
				remember()
			}
			seen = found
		}
	}()
	return nil
}

func findImages(directory string) map[string]stamp {
	found := map[string]stamp{}
	entries, err := os.ReadDir(directory)
	if err != nil {
		warnf("%v", err)
	}
	for _, entry := range entries {
		for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
			if !strings.HasPrefix(entry.Name(), ".") && strings.HasSuffix(entry.Name(), suffix) {
				if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
					found[filepath.Join(directory, entry.Name())] = stamp{info.Size(), info.ModTime().UTC()}
				}
			}
		}
	}
	return found
}

func importImage(ctx context.Context, path, bin string) error {
	command := exec.CommandContext(ctx, filepath.Join(bin, "ctr"), "--address", containerdSocket, "--namespace", "k8s.io", "images", "import", path)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// rememberImages first makes the unpacked layers durable: containerd does not, and an image that is believed to be
// there but lost its files in a power cut would never be mended.
func rememberImages(statePath string, done map[string]stamp) error {
	directory, err := os.Open(filepath.Dir(statePath))
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := unix.Syncfs(int(directory.Fd())); err != nil {
		return err
	}
	content, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(statePath, content, 0o600)
}
