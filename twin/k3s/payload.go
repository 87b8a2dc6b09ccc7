package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// The payload (containerd, its shim, runc, ctr, CNI plugins) is a .tar.gz at the end of the executable, followed by
// its sha256, its length and this mark (pack/main.go writes it).
const (
	payloadMark    = "K3STWIN1"
	payloadTrailer = 32 + 8 + len(payloadMark)
)

var payloadLock sync.Mutex

// extractPayload unpacks the payload once and returns the directory of its programs:
// <data-dir>/data/<hash>/bin, where K3s has its own.
func extractPayload(dataDir string) (string, error) {
	payloadLock.Lock()
	defer payloadLock.Unlock()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer self.Close()
	hash, archive, err := findPayload(self)
	if err != nil {
		return "", err
	}
	directory := filepath.Join(dataDir, "data", hash)
	bin := filepath.Join(directory, "bin")
	if exists(bin) {
		return bin, nil
	}
	infof("Preparing data dir %s", directory)
	if err := os.MkdirAll(filepath.Dir(directory), 0o755); err != nil {
		return "", err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(directory), ".extract-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	if err := os.Chmod(temporary, 0o755); err != nil {
		return "", err
	}
	if err := unpack(archive, temporary); err != nil {
		return "", fmt.Errorf("payload: %w", err)
	}
	if err := os.Rename(temporary, directory); err != nil {
		return "", err
	}
	return bin, syncDirectory(filepath.Dir(directory))
}

func findPayload(self *os.File) (hash string, archive io.Reader, err error) {
	info, err := self.Stat()
	if err != nil {
		return "", nil, err
	}
	trailer := make([]byte, payloadTrailer)
	if _, err := self.ReadAt(trailer, info.Size()-int64(payloadTrailer)); err != nil {
		return "", nil, err
	}
	if !bytes.HasSuffix(trailer, []byte(payloadMark)) {
		return "", nil, errors.New("this k3s was built without its payload (use build.sh)")
	}
	length := int64(binary.BigEndian.Uint64(trailer[32:40]))
	return hex.EncodeToString(trailer[:32]), io.NewSectionReader(self, info.Size()-int64(payloadTrailer)-length, length), nil
}

func unpack(archive io.Reader, directory string) error {
	stream, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	for files := tar.NewReader(stream); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(directory, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, os.FileMode(header.Mode))
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, files); err != nil {
			file.Close()
			return err
		}
		// The directory's name must not become durable before its contents: a power cut would leave empty programs.
		if err := file.Sync(); err != nil {
			file.Close()
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
}
