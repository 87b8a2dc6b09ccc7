import test from "ava";
import fc from "fast-check";
import { startProblem } from "../../../stacks/k3s/start-problem.ts";

const log = (level: string, message: string) =>
  `time="2026-01-05T10:00:00Z" level=${level} msg=${JSON.stringify(message)}`;

/** Lines as K3s, etcd and the twin's launcher write them, by a word of the cause. */
const told: Readonly<Record<string, readonly string[]>> = {
  "another certificate authority": [
    log("error", "token CA hash does not match the Cluster CA certificate hash: f08676 != 8e7d49"),
    log(
      "error",
      "Failed to validate connection to cluster at https://192.168.7.11:6443: token CA hash does not match the Cluster CA certificate hash: a != b",
    ),
  ],
  "made with another token": [
    log(
      "fatal",
      "starting kubernetes: preparing server: bootstrap data already found and encrypted with different token",
    ),
  ],
  "taken its name": [
    log(
      "info",
      "Waiting to retrieve agent configuration; server is not ready: Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag",
    ),
    log(
      "error",
      "Sending HTTP 403 response to 127.0.0.1:48442: unable to verify hash for node 'pi-2': hash does not match",
    ),
    log(
      "error",
      "Deferred node password secret validation failed: unable to verify hash for node 'pi-1': hash does not match",
    ),
  ],
  "refuses its join token": [
    log(
      "error",
      "Failed to retrieve agent configuration; server is not ready: failed to retrieve configuration from server: https://127.0.0.1:6444/v1-k3s/config: 401 Unauthorized",
    ),
    log(
      "fatal",
      "starting kubernetes: preparing server: failed to get CA certs: https://192.168.7.11:6443/v1-k3s/server-bootstrap: not authorized",
    ),
  ],
  "not valid by its clock": [
    log(
      "error",
      'failed to get CA certs: Get "https://127.0.0.1:6444/cacerts": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2019-02-14T10:11:59Z is before 2020-01-01T00:00:00Z',
    ),
  ],
  "does not trust the server": [
    log(
      "error",
      'CA cert validation failed: Get "https://192.168.7.11:6443/cacerts": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ),
    log(
      "error",
      'Get "https://192.168.7.5:6443/v1-k3s/config": tls: failed to verify certificate: x509: certificate is valid for 10.43.0.1, 127.0.0.1, 192.168.7.11, not 192.168.7.5',
    ),
  ],
  "a member of its name": [
    log(
      "fatal",
      "starting kubernetes: preparing server: start managed database: joining etcd cluster: etcd cluster join failed: duplicate node name found, please use a unique name for this node",
    ),
  ],
  "has removed this server": [
    log(
      "fatal",
      "starting kubernetes: preparing server: start managed database: this server is a not a member of the etcd cluster. Found [pi-1-8f1e=https://192.168.7.11:2380], expect: pi-2-3c5a=https://192.168.7.12:2380",
    ),
    '{"level":"warn","ts":"2026-01-29T10:00:00Z","caller":"etcdserver/server.go:1150","msg":"server error","error":"the member has been permanently removed from the cluster"}',
  ],
  "newer than what the cluster keeps": [
    log(
      "fatal",
      "/var/lib/rancher/k3s/server/cred/passwd newer than datastore and could cause a cluster outage. Remove the file(s) from disk and restart to be recreated from datastore.",
    ),
  ],
  "settings are others": [
    log("warning", "critical configuration mismatched: secrets-encryption"),
    log(
      "fatal",
      "starting kubernetes: preparing server: failed to validate server configuration: critical configuration value mismatch between servers",
    ),
  ],
  "cannot limit memory": [
    log("fatal", "failed to find memory cgroup (v2)"),
    log(
      "fatal",
      'Failed to find memory cgroup, you may need to add "cgroup_memory=1 cgroup_enable=memory" to your linux cmdline (/boot/cmdline.txt on a Raspberry Pi)',
    ),
  ],
  "disk is full": [log("fatal", "write /var/lib/rancher/k3s/server/db/etcd/member/wal/0.tmp: no space left on device")],
  "a port that K3s needs": [
    log("fatal", "starting kubernetes: preparing server: listen tcp :6443: bind: address already in use"),
  ],
};

for (const [cause, lines] of Object.entries(told))
  for (const [index, line] of lines.entries())
    test(`${cause}: said in way ${index + 1}`, (t) => {
      const problem = startProblem(["Starting k3s v1.34.2+k3s1", line, log("info", "Waiting for something")]);
      t.true(problem?.cause.includes(cause), `${String(problem?.cause)}\n${line}`);
      t.regex(problem?.next ?? "", /^[a-z]/);
    });

test("what mends itself, or is about others, is no problem of this node", (t) => {
  const lines = [
    log("info", "Starting k3s v1.34.2+k3s1 (twin)"),
    log("info", 'Waiting for control-plane node pi-1 startup: nodes "pi-1" not found'),
    log(
      "error",
      'Failed to validate connection to cluster at https://192.168.7.11:6443: failed to get CA certs: Get "https://192.168.7.11:6443/cacerts": dial tcp 192.168.7.11:6443: connect: connection refused',
    ),
    log(
      "error",
      "failed to retrieve configuration from server: https://127.0.0.1:6444/v1-k3s/config: 503 Service Unavailable",
    ),
    log("warning", "Unknown flag --colour found in config.yaml, skipping"),
    // A server, of those who call it.
    log("error", "Failed to authenticate request from 192.168.7.14:51234: invalid username/password combination"),
    log(
      "error",
      "Refused certificates for node pi-4 from 192.168.7.14:51234: unable to verify hash for node 'pi-4': hash does not match",
    ),
    log(
      "error",
      "Sending HTTP 403 response to 192.168.7.14:51234: unable to verify hash for node 'pi-4': hash does not match",
    ),
    log("error", "Sending HTTP 401 response to 192.168.7.14:51234: not authorized"),
    "http: TLS handshake error from 192.168.7.14:51234: tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
    // A kubelet, of images.
    'E0105 10:00:00.000000 71 kuberuntime_image.go:43] "Failed to pull image" err="failed to resolve reference \\"mirror.example.org/a:1\\": tls: failed to verify certificate: x509: certificate signed by unknown authority" image="a:1"',
    'E0105 10:00:00.000000 71 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"a\\" with ImagePullBackOff: 401 Unauthorized"',
    "",
  ];
  for (const line of lines) t.is(startProblem([line]), undefined, line);
  t.is(startProblem(lines), undefined);
  t.is(startProblem([]), undefined);
});

test("the last line that tells of a problem counts", (t) => {
  const [token = ""] = told["made with another token"] ?? [];
  const [disk = ""] = told["disk is full"] ?? [];
  t.regex(startProblem([token, disk])?.cause ?? "", /disk is full/);
  t.regex(startProblem([disk, token, "something else"])?.cause ?? "", /another token/);
});

test("no secret of the journal's is repeated", (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(told).flat()), fc.stringMatching(/^[0-9a-f]{32}$/), (line, secret) => {
      const problem = startProblem([`${line} K10aa::server:${secret}`]);
      t.false(JSON.stringify(problem).includes(secret));
    }),
  );
});
