import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { Health } from "../../../stacks/nodes/facts.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { root } from "../../../stacks/root.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { plant } from "./board.ts";
import { exampleHealth, exampleReport } from "./example-report.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);

/** What the probe prints, by the health of a node. */
function reportOf(health: Partial<Health>): string {
  return JSON.stringify({ ...exampleReport({ health: exampleHealth(health) }), clockSkew: undefined });
}

/** Runs reboot-node.ts as Pulumi does, with an ssh that answers for node and server. `log`: what was done there, a line each. */
function rebootNode(t: ExecutionContext, before: Partial<Health>, after: Partial<Health>, lease: string) {
  const directory = plant(t, {
    "/log": "",
    "/report": reportOf(before),
    "/after": reportOf(after),
    "/lease": lease,
    "/bin/ssh": {
      exec: `here=$(dirname "$0")/..
case "$*" in
  *" -O "*) exit 0 ;;
esac
for command in "$@"; do :; done
case "$command" in
  *python3*) cat >/dev/null; cat "$here/report" ;;
  *reboot*) echo rebooted >>"$here/log"; mv "$here/after" "$here/report"; exit 255 ;;
  *"kubectl get"*) . "$here/lease" ;;
  *"kubectl replace"*) cat ;;
  *) echo "$command" >>"$here/log" ;;
esac`,
    },
  });
  const input = {
    endpoint: endpointOf(site, "pi-2", keys),
    servers: [endpointOf(site, "pi-1", keys)],
    bootSeconds: 20,
  };
  const result = spawnSync(process.execPath, ["nodes/reboot-node.ts"], {
    cwd: join(root, "stacks"),
    input: JSON.stringify(input),
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: `${join(directory, "bin")}${delimiter}${process.env.PATH ?? ""}`,
      XDG_RUNTIME_DIR: directory,
    },
  });
  return { ...result, log: readFileSync(join(directory, "log"), "utf8") };
}
const noK3s = "echo 'sudo: /usr/local/bin/k3s: command not found' >&2; exit 1";

test("a node that nothing waits for is left running, and nobody is asked", (t) => {
  const { status, stdout, stderr, log } = rebootNode(t, {}, {}, "exit 3");
  t.deepEqual([status, stdout, stderr, log], [0, "pi-2: no reboot needed\n", "", ""]);
});

test("a node is rebooted once for all reasons, although its connection breaks, and waited for", (t) => {
  const needed = { boot: "a.1", rebootNeeded: ["firmware settings changed", "firmware settings changed"] };
  const { status, stdout, stderr, log } = rebootNode(t, needed, { boot: "a.2" }, noK3s);
  t.is(status, 0, stderr);
  t.regex(stdout, /^pi-2: rebooted in \d+ s \(firmware settings changed\)\n$/);
  t.is(log, "rebooted\n");
});

test("where it cannot be told whether somebody measures, the node is left running", (t) => {
  const needed = { boot: "a.1", rebootNeeded: ["firmware settings changed"] };
  const { status, log } = rebootNode(t, needed, { boot: "a.2" }, "echo 'error: Forbidden' >&2; exit 1");
  t.deepEqual([status, log], [1, ""]);
});

test("while a block measures, the node is left running, and the block is named", (t) => {
  const needed = { boot: "a.1", rebootNeeded: ["firmware settings changed"] };
  const lease = `printf '{"metadata": {}, "spec": {"holderIdentity": "llama/block-3", "renewTime": "%s"}}' "$(date +%N)"`;
  const { status, stderr, log } = rebootNode(t, needed, { boot: "a.2" }, lease);
  t.deepEqual([status, log], [1, ""]);
  t.regex(
    stderr,
    /^pi-2: has to reboot, but llama\/block-3 measures on this site now\n {2}Next: run `pulumi up` again/m,
  );
});
