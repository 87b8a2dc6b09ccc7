package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// snapshotRequest is what `k3s etcd-snapshot` asks its server for, in K3s's own form.
type snapshotRequest struct {
	Operation string   `json:"operation"`
	Name      []string `json:"name,omitempty"`
	Dir       string   `json:"dir,omitempty"`
	Retention *int     `json:"retention,omitempty"`
}

type snapshotResult struct {
	Created []string `json:"created,omitempty"`
	Deleted []string `json:"deleted,omitempty"`
}

// snapshotList and snapshotItem are K3s's ETCDSnapshotFiles, as `k3s etcd-snapshot ls -o json` prints them.
type snapshotList struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   struct{}       `json:"metadata"`
	Items      []snapshotItem `json:"items"`
}

type snapshotItem struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		SnapshotName string `json:"snapshotName"`
		NodeName     string `json:"nodeName"`
		Location     string `json:"location"`
	} `json:"spec"`
	Status struct {
		Size         string    `json:"size"`
		CreationTime time.Time `json:"creationTime"`
		ReadyToUse   bool      `json:"readyToUse"`
	} `json:"status"`
}

// handleSnapshots answers who knows the server's token.
func (v *supervisor) handleSnapshots(w http.ResponseWriter, r *http.Request) {
	_, password, _ := r.BasicAuth()
	if !v.tokens.isServer(password) {
		sendError(w, http.StatusUnauthorized, "not authorized")
		return
	}
	var asked snapshotRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked); err != nil {
		sendError(w, http.StatusBadRequest, err.Error())
		return
	}
	answer, err := v.snapshots.answer(r, asked)
	if err != nil {
		sendError(w, http.StatusInternalServerError, err.Error())
		return
	}
	if answer == nil {
		sendError(w, http.StatusBadRequest, "invalid snapshot operation")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// answer does what is asked for; it knows nothing to say to an operation that K3s has not.
func (s *snapshots) answer(r *http.Request, asked snapshotRequest) (any, error) {
	base := s.text("etcd-snapshot-name", scheduledSnapshotName)
	if len(asked.Name) > 0 {
		base = asked.Name[0]
	}
	keep := defaultSnapshotRetention
	if asked.Retention != nil {
		keep = *asked.Retention
	}
	switch asked.Operation {
	case "save":
		name, err := s.save(r.Context(), base, asked.Dir)
		if err != nil {
			return nil, err
		}
		return snapshotResult{Created: []string{name}}, nil
	case "prune":
		deleted, err := s.prune(base, asked.Dir, keep)
		return snapshotResult{Deleted: deleted}, err
	case "delete":
		deleted, err := s.remove(asked.Dir, asked.Name)
		return snapshotResult{Deleted: deleted}, err
	case "list":
		return s.list(asked.Dir)
	}
	return nil, nil
}

func (s *snapshots) list(givenDirectory string) (snapshotList, error) {
	list := snapshotList{APIVersion: "v1", Kind: "List", Items: []snapshotItem{}}
	directory, err := s.directory(givenDirectory)
	if err != nil {
		return list, err
	}
	files, err := listSnapshots(directory)
	for _, file := range files {
		item := snapshotItem{APIVersion: "k3s.cattle.io/v1", Kind: "ETCDSnapshotFile"}
		item.Metadata.Name = "local-" + file.name
		item.Spec.SnapshotName, item.Spec.NodeName = file.name, s.name
		item.Spec.Location = "file://" + directory + "/" + file.name
		item.Status.Size, item.Status.CreationTime, item.Status.ReadyToUse = strconv.FormatInt(file.size, 10), file.created, true
		list.Items = append(list.Items, item)
	}
	return list, err
}
