package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func parseRegistries(t *testing.T, text string) registries {
	t.Helper()
	var given registries
	if err := yaml.Unmarshal([]byte(text), &given); err != nil {
		t.Fatal(err)
	}
	return given
}

// The cases are those of K3s's own documentation and tests.
func TestRegistryHosts(t *testing.T) {
	const head, pull = hostsHeader, "capabilities = [\"pull\", \"resolve\"]\n"
	for name, test := range map[string]struct {
		given      string
		noFallback bool
		want       map[string]string
	}{
		"nothing":            {given: "", want: map[string]string{}},
		"only the default":   {given: "mirrors:\n  docker.io:\n", want: map[string]string{}},
		"the default listed": {given: "mirrors:\n  docker.io:\n    endpoint: [docker.io]\n", want: map[string]string{}},
		"mirror": {
			given: "mirrors:\n  docker.io:\n    endpoint: ['http://10.0.0.1:5000', second.example]\n",
			want: map[string]string{"docker.io": head + "server = \"https://registry-1.docker.io/v2\"\n" + pull + "\n[host]\n" +
				"\n[host.\"http://10.0.0.1:5000/v2\"]\n  " + pull +
				"\n[host.\"https://second.example/v2\"]\n  " + pull},
		},
		"no fallback": {
			noFallback: true,
			given:      "mirrors:\n  docker.io:\n    endpoint: ['http://10.0.0.1:5000', second.example]\n",
			want: map[string]string{"docker.io": head + "server = \"https://second.example/v2\"\n" + pull + "\n[host]\n" +
				"\n[host.\"http://10.0.0.1:5000/v2\"]\n  " + pull},
		},
		"no fallback but a config of its own": {
			noFallback: true,
			given:      "mirrors:\n  a.example:\n    endpoint: [b.example]\nconfigs:\n  a.example:\n",
			want:       map[string]string{"a.example": head + "server = \"https://a.example/v2\"\n" + pull + "\n[host]\n\n[host.\"https://b.example/v2\"]\n  " + pull},
		},
		"no fallback and nothing else": {noFallback: true, given: "mirrors:\n  a.example:\n", want: map[string]string{}},
		"TLS of the endpoint": {
			given: "mirrors:\n  a.example:\n    endpoint: ['https://b.example:5000']\n" +
				"configs:\n  b.example:5000:\n    tls: {ca_file: /ca.pem, cert_file: /c.pem, key_file: /k.pem, insecure_skip_verify: true}\n",
			want: map[string]string{
				"a.example": head + "server = \"https://a.example/v2\"\n" + pull + "\n[host]\n\n[host.\"https://b.example:5000/v2\"]\n  " + pull +
					"  ca = [\"/ca.pem\"]\n  client = [[\"/c.pem\", \"/k.pem\"]]\n  skip_verify = true\n",
				"b.example:5000": head + "server = \"https://b.example:5000/v2\"\n" + pull +
					"ca = [\"/ca.pem\"]\nclient = [[\"/c.pem\", \"/k.pem\"]]\nskip_verify = true\n\n[host]\n",
			},
		},
		"last endpoint is the default": {
			given: "mirrors:\n  a.example:\n    endpoint: [b.example, a.example]\n",
			want:  map[string]string{"a.example": head + "server = \"https://a.example/v2\"\n" + pull + "\n[host]\n\n[host.\"https://b.example/v2\"]\n  " + pull},
		},
		"path, loopback, twice the same": {
			given: "mirrors:\n  a.example:\n    endpoint: [b.example/prefix/v2, 'localhost:5000', 'http://localhost:5000/', '127.0.0.1:443', '://']\n",
			want: map[string]string{"a.example": head + "server = \"https://a.example/v2\"\n" + pull + "\n[host]\n" +
				"\n[host.\"https://b.example/prefix/v2\"]\n  " + pull + "  override_path = true\n" +
				"\n[host.\"http://localhost:5000/v2\"]\n  " + pull +
				"\n[host.\"https://127.0.0.1:443/v2\"]\n  " + pull},
		},
		"for all": {
			given: "mirrors:\n  '*':\n    endpoint: ['http://10.0.0.1:5000']\n",
			want:  map[string]string{"_default": head + pull + "\n[host]\n\n[host.\"http://10.0.0.1:5000/v2\"]\n  " + pull},
		},
		"for all, no fallback": {
			noFallback: true,
			given:      "mirrors:\n  '*':\n    endpoint: ['http://10.0.0.1:5000']\n",
			want:       map[string]string{"_default": head + "server = \"http://10.0.0.1:5000/v2\"\n" + pull + "\n[host]\n"},
		},
		"TLS for all": {
			given: "configs:\n  '*':\n    tls: {insecure_skip_verify: true}\n",
			want:  map[string]string{"_default": head + pull + "skip_verify = true\n\n[host]\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for name, host := range findRegistryHosts(parseRegistries(t, test.given), test.noFallback) {
				got[name] = renderHosts(host)
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got:\n%v\nwant:\n%v", got, test.want)
			}
		})
	}
}

func TestRegistryPasswords(t *testing.T) {
	given := parseRegistries(t, "configs:\n  b.example:\n    auth: {username: u, password: 'a\"\\b'}\n  a.example:5000:\n    auth: {identity_token: t}\n  c.example:\n    tls: {}\n")
	want := `
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/certs.d"

[plugins."io.containerd.grpc.v1.cri".registry.configs."a.example:5000".auth]
  identitytoken = "t"

[plugins."io.containerd.grpc.v1.cri".registry.configs."b.example".auth]
  username = "u"
  password = "a\"\\b"
`
	if got := renderRegistryConfig(given, "/certs.d"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for name, host := range findRegistryHosts(given, false) {
		if text := renderHosts(host); strings.Contains(text, "password") || strings.Contains(text, `a\"`) {
			t.Errorf("the password is in %s's hosts.toml", name)
		}
	}
}

func TestReadRegistries(t *testing.T) {
	directory := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if found, err := readRegistries(filepath.Join(directory, "none")); err != nil || len(found.Mirrors)+len(found.Configs) > 0 {
		t.Errorf("a missing file gives %v, %v", found, err)
	}
	if _, err := readRegistries(write("rewrite", "mirrors:\n  a.example:\n    rewrite: {'^x': y}\n")); err == nil || !strings.Contains(err.Error(), "mirrors.a.example.rewrite") {
		t.Errorf("rewrites are not refused by name: %v", err)
	}
	if _, err := readRegistries(write("wrong", "configs:\n  a.example:\n    auth: secret-password\n")); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("a wrong form gives %v", err)
	}
}

func TestWriteRegistryHosts(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "certs.d")
	both := findRegistryHosts(parseRegistries(t, "mirrors:\n  a.example:\n    endpoint: [c.example]\n  b.example:\n    endpoint: [c.example]\n"), false)
	if err := writeRegistryHosts(directory, both); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(directory, "a.example", "hosts.toml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("hosts.toml: %v, %v", info, err)
	}
	if err := writeFile(filepath.Join(directory, "mine.example", "hosts.toml"), []byte("server = \"https://mine.example\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	delete(both, "a.example")
	if err := writeRegistryHosts(directory, both); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{"b.example", "mine.example"}; !slices.Equal(left, want) {
		t.Errorf("%v is left, not %v", left, want)
	}
}
