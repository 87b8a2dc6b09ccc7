import test from "ava";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { NodeUnavailable, explainFailure } from "../../../stacks/remote/node-unavailable.ts";

const place = { node: "pi-2", address: "192.168.7.12", port: 22, user: "bramble" };
const bastion: Endpoint["bastion"] = { host: "gate.example", port: 2222, user: "ana", hostKey: "" };

const nodeLogs: [string, NodeUnavailable["reason"], RegExp][] = [
  ["ssh: connect to host 192.168.7.12 port 22: Connection refused\r\n", "unreachable", /\(Connection refused\)/],
  ["ssh: connect to host 192.168.7.12 port 22: No route to host\n", "unreachable", /\(No route to host\)/],
  ["ssh: connect to host fd00::12 port 22: No route to host\n", "unreachable", /\(No route to host\)/],
  [
    "Connection timed out during banner exchange\nConnection to 192.168.7.12 port 22 timed out\n",
    "unreachable",
    /timed out/,
  ],
  ["kex_exchange_identification: Connection closed by remote host\n", "unreachable", /closed by remote host/],
  ["", "unreachable", /no answer on 192\.168\.7\.12:22\n/],
  ["bramble@192.168.7.12: Permission denied (publickey).\n", "refused", /refuses the admin key of user bramble/],
  ["Received disconnect from 192.168.7.12 port 22:2: Too many authentication failures\n", "refused", /refuses/],
  [
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n",
    "host-key",
    /another SSH host key/,
  ],
  ["Host key verification failed.\nConnection closed by 192.168.7.12\n", "host-key", /that pi-2 must have/],
  ["Unable to negotiate with 192.168.7.12 port 22: no matching host key type found.\n", "host-key", /another/],
];
for (const [node, reason, message] of nodeLogs)
  test(`a node's "${node.trim().split("\n").at(-1) ?? ""}" is ${reason}`, (t) => {
    const error = explainFailure(place, { node, bastion: "" });
    t.deepEqual([error.reason, error.hop, error.midway], [reason, "node", false]);
    t.regex(error.message, message);
    t.regex(error.message, /^pi-2: [^]*\n {2}Next: /);
  });

const tunnelEnded =
  "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n";
const bastionLogs: [string, string, RegExp][] = [
  [
    "ssh: connect to host gate.example port 2222: Connection refused\n",
    "unreachable bastion",
    /no answer from bastion gate\.example:2222 \(Connection refused\)/,
  ],
  [
    "ssh: Could not resolve hostname gate.example: Name or service not known\n",
    "unreachable bastion",
    /Name or service not known/,
  ],
  ["Host key verification failed.\n", "host-key bastion", /than access\.bastion\.hostKey\n/],
  ["ana@gate.example: Permission denied (publickey).\n", "refused bastion", /does not let ana through\n/],
  [
    "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n",
    "refused bastion",
    /forbids TCP forwarding/,
  ],
  [
    "channel 0: open failed: connect failed: No route to host\nstdio forwarding failed\n",
    "unreachable node",
    /192\.168\.7\.12:22 through bastion gate\.example \(No route to host\)\n.*from gate\.example/,
  ],
];
for (const [log, expected, message] of bastionLogs)
  test(`a bastion's "${log.split("\n")[0] ?? ""}" is ${expected}`, (t) => {
    const error = explainFailure({ ...place, bastion }, { node: tunnelEnded, bastion: log });
    t.is(`${error.reason} ${error.hop}`, expected);
    t.regex(error.message, message);
    t.regex(error.message, /^pi-2: [^]*\n {2}Next: /);
  });

test("the node's own word counts, whatever the bastion said after it", (t) => {
  const logs = { node: "Host key verification failed.\n", bastion: "Killed by signal 1.\n" };
  const error = explainFailure({ ...place, bastion }, logs);
  t.deepEqual([error.reason, error.hop], ["host-key", "node"]);
});
