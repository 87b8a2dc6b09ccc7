package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	defaultConfigFile = "/etc/rancher/k3s/config.yaml"
	defaultDataDir    = "/var/lib/rancher/k3s"
	defaultKubeconfig = "/etc/rancher/k3s/k3s.yaml"
	defaultPauseImage = "docker.io/rancher/mirrored-pause:3.6"
)

// values holds what config files, command line and environment say, by option name.
type values map[string][]string

func (v values) text(name, fallback string) string {
	if given := v[name]; len(given) > 0 && given[len(given)-1] != "" {
		return given[len(given)-1]
	}
	return fallback
}

func (v values) flag(name string) bool {
	given := v.text(name, "false")
	return given == "true" || given == "1"
}

// items splits comma lists as K3s does for names and addresses.
func (v values) items(name string, fallback ...string) []string {
	var all []string
	for _, given := range v[name] {
		for _, item := range strings.Split(given, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	if len(all) == 0 {
		return fallback
	}
	return all
}

// readValues gives the options of `k3s server` or `k3s agent` the order of precedence that K3s gives them:
// command line over config files over environment; lists from the command line extend those from the files.
func readValues(role string, arguments []string) (values, error) {
	options := agentOptions
	if role == "server" {
		options = serverOptions
	}
	return readOptions(options, arguments)
}

func readOptions(options []option, arguments []string) (values, error) {
	fromLine, err := parseArguments(options, arguments)
	if err != nil {
		return nil, err
	}
	file := os.Getenv("K3S_CONFIG_FILE")
	if file == "" {
		file = fromLine.text("config", defaultConfigFile)
	}
	merged, err := readConfigFiles(options, file)
	if err != nil {
		return nil, err
	}
	for name, given := range fromLine {
		known, _ := findOption(options, name)
		if known.kind == list {
			given = append(merged[name], given...)
		}
		merged[name] = given
	}
	for _, known := range options {
		if given := os.Getenv(known.environment); known.environment != "" && given != "" && merged[known.name] == nil {
			merged[known.name] = []string{given}
		}
	}
	return merged, refuseNotCarried(options, merged)
}

// refuseNotCarried names every option that K3s has and this stand-in has not: nothing is dropped silently.
func refuseNotCarried(options []option, given values) error {
	var refused []string
	for _, known := range options {
		said := given[known.name]
		harmless := len(said) == 0 || (known.kind == flag && !given.flag(known.name)) || strings.Join(said, "") == ""
		if known.support == notCarried && !harmless {
			refused = append(refused, known.name)
		}
	}
	if backend := given.text("flannel-backend", ""); backend == "none" {
		refused = append(refused, "flannel-backend=none")
	}
	if len(refused) == 0 {
		return nil
	}
	sort.Strings(refused)
	return fmt.Errorf("K3s has these options, but its stand-in on the twin does not carry them: %s. Remove them, or give the twin a real K3s", strings.Join(refused, ", "))
}

func parseArguments(options []option, arguments []string) (values, error) {
	parsed := values{}
	for index := 0; index < len(arguments); index++ {
		argument := arguments[index]
		name, value, hasValue := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if !strings.HasPrefix(argument, "-") {
			return nil, fmt.Errorf("unexpected argument %q", argument)
		}
		known, ok := findOption(options, name)
		if !ok {
			return nil, fmt.Errorf("flag provided but not defined: -%s", name)
		}
		switch {
		case hasValue:
		case known.kind == flag:
			value = "true"
		case index+1 < len(arguments):
			index++
			value = arguments[index]
		default:
			return nil, fmt.Errorf("flag needs an argument: -%s", name)
		}
		parsed[known.name] = append(parsed[known.name], value)
	}
	return parsed, nil
}

// readConfigFiles merges config.yaml with config.yaml.d/*.yaml in the order of their names: a later value replaces
// an earlier one, unless its key ends in "+" (https://docs.k3s.io/installation/configuration#multiple-config-files).
func readConfigFiles(options []option, file string) (values, error) {
	merged := values{}
	var files []string
	if exists(file) {
		files = append(files, file)
	}
	extra, err := os.ReadDir(file + ".d")
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, entry := range extra {
		switch strings.ToLower(filepath.Ext(entry.Name())) {
		case ".yaml", ".yml":
			if !entry.IsDir() {
				files = append(files, filepath.Join(file+".d", entry.Name()))
			}
		}
	}
	for _, path := range files {
		if err := mergeConfigFile(merged, options, path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return merged, nil
}

func mergeConfigFile(merged values, options []option, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return err
	}
	if len(document.Content) == 0 {
		return nil
	}
	mapping := document.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("must be a mapping of options to values")
	}
	// In the order of the file: "disable+" after "disable" extends it, before it is replaced by it.
	for index := 0; index < len(mapping.Content); index += 2 {
		key := mapping.Content[index].Value
		name, appends := strings.CutSuffix(key, "+")
		known, ok := findOption(options, name)
		if !ok {
			warnf("Unknown flag --%s found in config.yaml, skipping", name)
			continue
		}
		var value any
		if err := mapping.Content[index+1].Decode(&value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		given, err := scalars(value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if appends {
			given = append(merged[known.name], given...)
		}
		merged[known.name] = given
	}
	return nil
}

func scalars(value any) ([]string, error) {
	switch typed := value.(type) {
	case nil:
		return []string{""}, nil
	case []any:
		all := []string{}
		for _, item := range typed {
			one, err := scalars(item)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	case map[string]any:
		return nil, fmt.Errorf("must be a value or a list of values, not a mapping")
	default:
		return []string{fmt.Sprint(typed)}, nil
	}
}
