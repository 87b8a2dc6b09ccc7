package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

func TestSnapshotNames(t *testing.T) {
	at := time.Unix(1753178523, 0)
	name := snapshotName("on-demand", "server-0", at)
	if name != "on-demand-server-0-1753178523" {
		t.Errorf("got %s", name)
	}
	modified := time.Unix(5, 0)
	if got := snapshotTime(name, modified); !got.Equal(at) {
		t.Errorf("%s is of %s", name, got)
	}
	for _, name := range []string{"by-hand", "plain", "etcd-snapshot-a-1.part", ""} {
		if got := snapshotTime(name, modified); !got.Equal(modified) {
			t.Errorf("%q is of %s, not of its file's time", name, got)
		}
	}
}

func TestExcessSnapshots(t *testing.T) {
	var files []snapshotFile
	for _, name := range []string{"etcd-snapshot-a-300", "on-demand-a-50", "etcd-snapshot-a-100", "etcd-snapshot-a-1000", "etcd-snapshot-a-200"} {
		files = append(files, snapshotFile{name: name, created: snapshotTime(name, time.Time{})})
	}
	for _, test := range []struct {
		prefix string
		keep   int
		want   []string
	}{
		{"etcd-snapshot", 2, []string{"etcd-snapshot-a-200", "etcd-snapshot-a-100"}},
		{"etcd-snapshot", 4, nil},
		{"etcd-snapshot", 0, nil},
		{"on-demand", 1, nil},
		{"other", 1, nil},
	} {
		var got []string
		for _, file := range excessSnapshots(files, test.prefix, test.keep) {
			got = append(got, file.name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s, keep %d: got %v, want %v", test.prefix, test.keep, got, test.want)
		}
	}
	if files[0].name != "etcd-snapshot-a-300" {
		t.Error("the caller's list was sorted")
	}
}

func TestPruneAndRemove(t *testing.T) {
	s := &snapshots{node: testNode(t, t.TempDir())}
	directory, err := s.directory("")
	if err != nil {
		t.Fatal(err)
	}
	if directory != s.serverPath("db", "snapshots") {
		t.Errorf("snapshots are in %s", directory)
	}
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info, err)
	}
	for _, name := range []string{"a-one-1", "a-one-2", "a-one-3", "b-one-1"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if removed, err := s.prune("a", "", 2); err != nil || !slices.Equal(removed, []string{"a-one-1"}) {
		t.Errorf("pruned %v, %v", removed, err)
	}
	if removed, err := s.remove("", []string{"gone", "b-one-1"}); err != nil || !slices.Equal(removed, []string{"b-one-1"}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := s.remove("", []string{"../../token"}); err == nil {
		t.Error("a name led out of the directory")
	}
	list, err := s.list("")
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("listed %v, %v", list, err)
	}
	first := list.Items[0]
	if first.Spec.SnapshotName != "a-one-2" || first.Spec.Location != "file://"+directory+"/a-one-2" || first.Status.Size != "1" || first.Status.CreationTime.Unix() != 2 {
		t.Errorf("listed %+v", first)
	}
	if _, err := s.directory(filepath.Join(directory, "missing")); err == nil {
		t.Error("a directory of the user's was made")
	}
}

func TestSnapshotDefaultsParse(t *testing.T) {
	if _, err := cron.ParseStandard(defaultSnapshotSchedule); err != nil {
		t.Error(err)
	}
	s := &snapshots{node: testNode(t, t.TempDir())}
	s.values["etcd-snapshot-retention"] = []string{"many"}
	if err := s.schedule(t.Context()); err == nil {
		t.Error("a retention of many was taken")
	}
	s.values["etcd-disable-snapshots"] = []string{"true"}
	if err := s.schedule(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSplitArguments(t *testing.T) {
	flags, words := splitArguments(snapshotOptions, []string{"--debug", "prune", "--name", "x", "-o=json", "--snapshot-retention", "3", "y"})
	if want := []string{"--debug", "--name", "x", "-o=json", "--snapshot-retention", "3"}; !reflect.DeepEqual(flags, want) {
		t.Errorf("options %v", flags)
	}
	if want := []string{"prune", "y"}; !reflect.DeepEqual(words, want) {
		t.Errorf("words %v", words)
	}
}

func TestNewSnapshotRequest(t *testing.T) {
	three := 3
	for _, test := range []struct {
		given   values
		command string
		names   []string
		want    snapshotRequest
	}{
		{values{}, "save", nil, snapshotRequest{Operation: "save", Name: []string{"on-demand"}}},
		{values{"name": {"x"}, "etcd-snapshot-dir": {"/d"}}, "save", nil, snapshotRequest{Operation: "save", Name: []string{"x"}, Dir: "/d"}},
		{values{"name": {"x"}, "etcd-snapshot-retention": {"3"}}, "prune", nil, snapshotRequest{Operation: "prune", Name: []string{"x"}, Retention: &three}},
		{values{}, "l", nil, snapshotRequest{Operation: "list", Name: []string{"on-demand"}}},
		{values{}, "delete", []string{"a", "b"}, snapshotRequest{Operation: "delete", Name: []string{"a", "b"}}},
	} {
		got, err := newSnapshotRequest(test.given, test.command, test.names)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v", test.command, got, err)
		}
	}
	for _, test := range []struct {
		command string
		names   []string
	}{{"delete", nil}, {"save", []string{"x"}}, {"restore", nil}} {
		if _, err := newSnapshotRequest(values{}, test.command, test.names); err == nil {
			t.Errorf("%s %v was taken", test.command, test.names)
		}
	}
}
