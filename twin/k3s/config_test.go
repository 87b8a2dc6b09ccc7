package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// writeConfig lays down config.yaml and config.yaml.d and returns the path of the first.
func writeConfig(t *testing.T, main string, dropIns map[string]string) string {
	t.Helper()
	for _, known := range serverOptions {
		if known.environment != "" {
			t.Setenv(known.environment, "")
		}
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if main != "" {
		if err := os.WriteFile(path, []byte(main), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range dropIns {
		if err := os.MkdirAll(path+".d", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path+".d", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestReadValues(t *testing.T) {
	for name, test := range map[string]struct {
		role, main string
		dropIns    map[string]string
		arguments  []string
		want       values
	}{
		"types":               {"server", "cluster-init: true\nhttps-listen-port: 7443\ntoken: 'x'", nil, nil, values{"cluster-init": {"true"}, "https-listen-port": {"7443"}, "token": {"x"}}},
		"later file wins":     {"server", "token: a\ndisable: [traefik]", map[string]string{"10.yaml": "token: b", "20.yml": "token: c\ndisable: servicelb"}, nil, values{"token": {"c"}, "disable": {"servicelb"}}},
		"plus appends":        {"server", "disable: [traefik]", map[string]string{"10.yaml": "disable+: [servicelb]", "20.yaml": "disable+: coredns"}, nil, values{"disable": {"traefik", "servicelb", "coredns"}}},
		"plus without before": {"server", "tls-san+: [a, b]", nil, nil, values{"tls-san": {"a", "b"}}},
		"order in a file":     {"server", "disable+: [a]\ndisable: [b]\ndisable+: [c]\n", nil, nil, values{"disable": {"b", "c"}}},
		"only drop-ins":       {"server", "", map[string]string{"a.yaml": "token: z", "ignored.txt": "token: y"}, nil, values{"token": {"z"}}},
		"line overrides":      {"server", "token: file\ndata-dir: /a", nil, []string{"--token", "line", "-d=/b", "--cluster-init"}, values{"token": {"line"}, "data-dir": {"/b"}, "cluster-init": {"true"}}},
		"line extends lists":  {"server", "tls-san: [a]", nil, []string{"--tls-san=b", "--tls-san", "c"}, values{"tls-san": {"a", "b", "c"}}},
		"unknown is skipped":  {"server", "made-up: 1\ntoken: x", nil, nil, values{"token": {"x"}}},
		"other role's key":    {"agent", "cluster-init: true\nserver: https://a:6443", nil, nil, values{"server": {"https://a:6443"}}},
		"alias":               {"agent", "t: x\ns: https://a:6443", nil, nil, values{"token": {"x"}, "server": {"https://a:6443"}}},
		"refused but false":   {"server", "selinux: false\nembedded-registry: false", nil, nil, values{"selinux": {"false"}, "embedded-registry": {"false"}}},
		"empty file":          {"server", "# nothing\n", nil, nil, values{}},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, test.main, test.dropIns)
			t.Setenv("K3S_CONFIG_FILE", path)
			got, err := readValues(test.role, test.arguments)
			if err != nil {
				t.Fatal(err)
			}
			delete(got, "config")
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestReadValuesRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		role, main string
		arguments  []string
		want       string
	}{
		"not carried":      {"server", "etcd-s3: true\nsnapshotter: native", nil, "etcd-s3, snapshotter"},
		"no pod network":   {"server", "flannel-backend: none", nil, "flannel-backend=none"},
		"unknown flag":     {"server", "", []string{"--made-up"}, "flag provided but not defined: -made-up"},
		"flag of a server": {"agent", "", []string{"--cluster-init"}, "not defined: -cluster-init"},
		"missing value":    {"agent", "", []string{"--token"}, "flag needs an argument: -token"},
		"stray argument":   {"agent", "", []string{"x"}, `unexpected argument "x"`},
		"mapping":          {"server", "token: {a: b}", nil, "token: must be a value"},
		"not a mapping":    {"server", "- a", nil, "must be a mapping"},
		"broken YAML":      {"server", "token: [", nil, "config.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("K3S_CONFIG_FILE", writeConfig(t, test.main, nil))
			if _, err := readValues(test.role, test.arguments); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestEnvironmentIsLast(t *testing.T) {
	path := writeConfig(t, "token: file", nil)
	t.Setenv("K3S_CONFIG_FILE", path)
	t.Setenv("K3S_TOKEN", "environment")
	t.Setenv("K3S_NODE_NAME", "environment")
	got, err := readValues("agent", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.text("token", "") != "file" || got.text("node-name", "") != "environment" {
		t.Errorf("got %v", got)
	}
}

func TestItemsSplitsCommas(t *testing.T) {
	given := values{"disable": {"traefik,servicelb", " coredns ", ""}}
	if got := given.items("disable"); !reflect.DeepEqual(got, []string{"traefik", "servicelb", "coredns"}) {
		t.Errorf("got %v", got)
	}
	if got := given.items("tls-san", "default"); !reflect.DeepEqual(got, []string{"default"}) {
		t.Errorf("got %v", got)
	}
}

func TestMergeArguments(t *testing.T) {
	got := mergeArguments([]string{"a=1", "b=2"}, []string{"b=3", "--c=4"})
	if want := []string{"--a=1", "--b=3", "--c=4"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
