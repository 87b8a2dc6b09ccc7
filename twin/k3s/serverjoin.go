package main

import (
	"context"
	"encoding/json"
	"net/http"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
)

// asServer asks what only servers may know.
func (c *connection) asServer(ctx context.Context, path string, answer any) error {
	content, err := request(ctx, c.client, http.MethodGet, c.url+path, nil, func(r *http.Request) { r.SetBasicAuth("server", c.token.password) })
	if err != nil {
		return err
	}
	return json.Unmarshal(content, answer)
}

// bootstrapData fetches the files that all servers share.
func (c *connection) bootstrapData(ctx context.Context) (bootstrapData, error) {
	data := bootstrapData{}
	err := c.asServer(ctx, "/v1-k3s/server-bootstrap", &data)
	return data, err
}

// members lists the members of etcd, as far as that server knows them.
func (c *connection) members(ctx context.Context) ([]*etcdserverpb.Member, error) {
	var known etcdMembers
	err := c.asServer(ctx, "/db/info", &known)
	return known.Members, err
}
