package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// bootstrapFile is one of the files that all servers of a cluster share.
type bootstrapFile struct {
	Timestamp time.Time
	Content   []byte
}

// bootstrapData holds them under the names that K3s gives them in its bootstrap data.
type bootstrapData map[string]bootstrapFile

// clockSkew is how much newer a file may be than the cluster's and still count as older.
const clockSkew = 3 * time.Second

var errOtherToken = errors.New("bootstrap data already found and encrypted with different token")

// bootstrapPaths says where the shared files lie.
func (n *node) bootstrapPaths() map[string]string {
	paths := map[string]string{
		"ServiceKey":       n.tlsPath("service.key"),
		"EncryptionConfig": n.serverPath("cred", "encryption-config.json"),
	}
	for name, ca := range map[string]string{
		"ServerCA": "server-ca", "ClientCA": "client-ca", "RequestHeaderCA": "request-header-ca",
		"ETCDServerCA": "etcd/server-ca", "ETCDPeerCA": "etcd/peer-ca",
	} {
		paths[name], paths[name+"Key"] = n.tlsPath(ca+".crt"), n.tlsPath(ca+".key")
	}
	return paths
}

// readBootstrapData collects what this server has of them.
func (n *node) readBootstrapData() (bootstrapData, error) {
	data := bootstrapData{}
	for name, path := range n.bootstrapPaths() {
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		data[name] = bootstrapFile{Timestamp: info.ModTime(), Content: content}
	}
	return data, nil
}

// reconcile brings this server's files to what the cluster has. A file that differs and is newer than the cluster's
// stops the server, as in K3s; it is replaced too with force, or where the set of files is not complete.
func (n *node) reconcile(data bootstrapData, force bool) error {
	var newer []string
	differs := map[string]bool{}
	paths := n.bootstrapPaths()
	for name, path := range paths {
		wanted, ok := data[name]
		if !ok {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err == nil && bytes.Equal(content, wanted.Content) {
			continue
		}
		differs[name] = true
		if err != nil {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.ModTime().Sub(wanted.Timestamp) >= clockSkew {
			newer = append(newer, path)
		} else {
			warnf("%s will be updated from the datastore.", path)
		}
	}
	for _, directory := range []string{n.tlsPath(), n.tlsPath("etcd")} {
		if entries, err := os.ReadDir(directory); err != nil || len(entries) == 0 {
			force = true
		}
	}
	if len(newer) > 0 && !force {
		slices.Sort(newer)
		return errors.New(strings.Join(newer, ", ") + " newer than datastore and could cause a cluster outage. Remove the file(s) from disk and restart to be recreated from datastore.")
	}
	if len(differs) == 0 {
		return nil
	}
	warnf("Updating bootstrap data on disk from datastore")
	for name := range differs {
		mode := os.FileMode(0o600)
		if strings.HasSuffix(paths[name], ".crt") {
			mode = 0o644
		}
		if err := writeFile(paths[name], data[name].Content, mode); err != nil {
			return err
		}
		if err := os.Chtimes(paths[name], data[name].Timestamp, data[name].Timestamp); err != nil {
			return err
		}
	}
	return nil
}

const bootstrapPrefix = "/bootstrap/"

// bootstrapKey is where etcd has the data that was encrypted with this token.
func bootstrapKey(password string) string {
	sum := sha256.Sum256([]byte(password))
	return bootstrapPrefix + hex.EncodeToString(sum[:])[:12]
}

// sealBootstrap encrypts in K3s's form: <salt>:<base64 of nonce and AES-GCM>, the key by PBKDF2 from the token.
func sealBootstrap(password string, data bootstrapData) ([]byte, error) {
	plain, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	salt := randomSecret()[:16]
	gcm, err := bootstrapCipher(password, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	return []byte(salt + ":" + base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, plain, nil))), nil
}

func openBootstrap(password string, sealed []byte) (bootstrapData, error) {
	salt, encoded, ok := strings.Cut(string(sealed), ":")
	if !ok {
		return nil, errors.New("bootstrap data is not of the form salt:data")
	}
	encrypted, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("bootstrap data: %w", err)
	}
	gcm, err := bootstrapCipher(password, salt)
	if err != nil {
		return nil, err
	}
	if len(encrypted) < gcm.NonceSize() {
		return nil, errors.New("bootstrap data is too short")
	}
	plain, err := gcm.Open(nil, encrypted[:gcm.NonceSize()], encrypted[gcm.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("bootstrap data: %w", err)
	}
	data := bootstrapData{}
	return data, json.Unmarshal(plain, &data)
}

func bootstrapCipher(password, salt string) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha1.New, password, []byte(salt), 4096, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// findBootstrap opens what the keys of a datastore hold for this token; nil where there is nothing at all.
func findBootstrap(keys map[string][]byte, password string) (bootstrapData, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	sealed, ok := keys[bootstrapKey(password)]
	if !ok {
		return nil, errOtherToken
	}
	return openBootstrap(password, sealed)
}
