package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/scrypt"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const nodePasswordFile = "/etc/rancher/node/password"

var errWrongPassword = errors.New("hash does not match")

// nodePasswords keeps one node from taking another's name: the first to join under a name leaves a hash of its
// password in the secret kube-system/<node>.node-password.k3s, and only who knows the password gets certificates again.
type nodePasswords struct {
	own    *node
	client atomic.Pointer[kubernetes.Clientset]
}

func newNodePasswords(own *node) *nodePasswords {
	return &nodePasswords{own: own}
}

// check returns an HTTP status with its error. As long as there is no API, the server's own agent is checked
// against the file on its disk, as in K3s: it could not start otherwise.
func (p *nodePasswords) check(ctx context.Context, name, password string) (int, error) {
	client := p.client.Load()
	if client != nil {
		return p.ensure(ctx, client, name, password)
	}
	if name != p.own.name {
		return http.StatusServiceUnavailable, errors.New("runtime core not ready")
	}
	onDisk, err := readNodePassword()
	if err != nil {
		return http.StatusInternalServerError, err
	}
	if subtle.ConstantTimeCompare([]byte(onDisk), []byte(password)) != 1 {
		return http.StatusForbidden, errors.New("unable to verify local node password")
	}
	return http.StatusOK, nil
}

// useAPI is called once the API answers; the server's own password is recorded then.
func (p *nodePasswords) useAPI(ctx context.Context, client *kubernetes.Clientset) {
	p.client.Store(client)
	password, err := readNodePassword()
	for err == nil {
		var code int
		if code, err = p.ensure(ctx, client, p.own.name, password); err == nil {
			return
		} else if code == http.StatusForbidden {
			errorf("Deferred node password secret validation failed: %v", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			err = nil
		}
	}
}

func secretName(node string) string {
	return strings.ToLower(node) + ".node-password.k3s"
}

func (p *nodePasswords) ensure(ctx context.Context, client kubernetes.Interface, name, password string) (int, error) {
	secrets := client.CoreV1().Secrets(metav1.NamespaceSystem)
	for attempt := 0; ; attempt++ {
		secret, err := secrets.Get(ctx, secretName(name), metav1.GetOptions{})
		if err == nil {
			if err := verifyHash(string(secret.Data["hash"]), password); err != nil {
				return http.StatusForbidden, fmt.Errorf("unable to verify hash for node '%s': %w", name, err)
			}
			return http.StatusOK, nil
		}
		if !apierrors.IsNotFound(err) {
			return http.StatusServiceUnavailable, err
		}
		immutable := true
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: secretName(name), Namespace: metav1.NamespaceSystem},
			Immutable:  &immutable,
			Data:       map[string][]byte{"hash": []byte(makeHash(password))},
		}, metav1.CreateOptions{})
		if err == nil {
			return http.StatusOK, nil
		}
		if !apierrors.IsAlreadyExists(err) || attempt > 2 {
			return http.StatusServiceUnavailable, err
		}
	}
}

const (
	hashLogN   = 15
	hashR      = 8
	hashP      = 1
	hashLength = 64
)

var scryptLock sync.Mutex

// derive takes 32 MB for a moment: one at a time, and given back to a board that has little.
func derive(password string, salt []byte, logN, r, p, length int) ([]byte, error) {
	scryptLock.Lock()
	defer scryptLock.Unlock()
	defer debug.FreeOSMemory()
	return scrypt.Key([]byte(password), salt, 1<<logN, r, p, length)
}

// makeHash has K3s's form: $1:<salt>:<log N>:<r>:<p>:<scrypt>.
func makeHash(password string) string {
	salt := make([]byte, 8)
	rand.Read(salt)
	key, err := derive(password, salt, hashLogN, hashR, hashP, hashLength)
	if err != nil {
		panic(err) // only for parameters that make no sense
	}
	return fmt.Sprintf("$1:%x:%d:%d:%d:%s", salt, hashLogN, hashR, hashP, base64.RawStdEncoding.EncodeToString(key))
}

func verifyHash(hash, password string) error {
	parts := strings.Split(hash, ":")
	if len(parts) != 6 || parts[0] != "$1" {
		return errors.New("hash is not in a known form")
	}
	salt, err := hex.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var numbers [3]int
	for index := range numbers {
		if numbers[index], err = strconv.Atoi(parts[2+index]); err != nil {
			return err
		}
	}
	if numbers[0] < 1 || numbers[0] > 20 {
		return errors.New("hash is not in a known form")
	}
	expected, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return err
	}
	key, err := derive(password, salt, numbers[0], numbers[1], numbers[2], len(expected))
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(key, expected) != 1 {
		return errWrongPassword
	}
	return nil
}

// ensureNodePassword reads the node's password, or chooses one for a node that has none.
func ensureNodePassword() (string, error) {
	if !exists(nodePasswordFile) {
		if err := writeFile(nodePasswordFile, []byte(randomSecret()+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	return readNodePassword()
}

func readNodePassword() (string, error) {
	content, err := os.ReadFile(nodePasswordFile)
	return strings.TrimSpace(string(content)), err
}
