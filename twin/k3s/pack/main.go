// pack puts the built parts together, the same input always to the same bytes:
//
//	pack payload EXECUTABLE PROGRAM...       appends the programs to the executable (payload.go reads them)
//	pack images OUT.tar NAME=EXECUTABLE...   makes an archive of one-file container images
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return fmt.Errorf("usage: pack payload EXECUTABLE PROGRAM... | pack images OUT.tar NAME=EXECUTABLE")
	}
	switch arguments[0] {
	case "payload":
		return appendPayload(arguments[1], arguments[2:])
	case "images":
		return writeImages(arguments[1], arguments[2:])
	}
	return fmt.Errorf("no such command: %s", arguments[0])
}

func appendPayload(executable string, programs []string) error {
	var archive bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&archive, gzip.BestSpeed)
	if err != nil {
		return err
	}
	files := tar.NewWriter(compressed)
	for _, program := range programs {
		content, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		if err := addFile(files, "bin/"+filepath.Base(program), 0o755, content); err != nil {
			return err
		}
	}
	if err := files.Close(); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(archive.Bytes())
	length := binary.BigEndian.AppendUint64(nil, uint64(archive.Len()))
	out, err := os.OpenFile(executable, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	for _, part := range [][]byte{archive.Bytes(), sum[:], length, []byte("K3STWIN1")} {
		if _, err := out.Write(part); err != nil {
			out.Close()
			return err
		}
	}
	return out.Close()
}

// writeImages writes the form of `docker save`, which containerd imports.
func writeImages(path string, images []string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	archive := tar.NewWriter(out)
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var manifest []entry
	for _, image := range images {
		name, executable, ok := strings.Cut(image, "=")
		if !ok {
			return fmt.Errorf("%q is not NAME=EXECUTABLE", image)
		}
		content, err := os.ReadFile(executable)
		if err != nil {
			return err
		}
		program := filepath.Base(executable)
		var layer bytes.Buffer
		files := tar.NewWriter(&layer)
		if err := addFile(files, program, 0o755, content); err != nil {
			return err
		}
		if err := files.Close(); err != nil {
			return err
		}
		layerDigest := hexDigest(layer.Bytes())
		config, err := json.Marshal(map[string]any{
			"architecture": architecture(), "os": "linux",
			"config": map[string]any{"Entrypoint": []string{"/" + program}, "WorkingDir": "/"},
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layerDigest}},
		})
		if err != nil {
			return err
		}
		item := entry{hexDigest(config) + ".json", []string{name}, []string{layerDigest + "/layer.tar"}}
		if err := addFile(archive, item.Config, 0o644, config); err != nil {
			return err
		}
		if err := addFile(archive, item.Layers[0], 0o644, layer.Bytes()); err != nil {
			return err
		}
		manifest = append(manifest, item)
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	if err := addFile(archive, "manifest.json", 0o644, content); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return out.Close()
}

// architecture is that of the images, which need not be that of the machine that packs them.
func architecture() string {
	if target := os.Getenv("TARGET_ARCH"); target != "" {
		return target
	}
	return runtime.GOARCH
}

func addFile(archive *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

func hexDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
