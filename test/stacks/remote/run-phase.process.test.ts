import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import type { Phase } from "../../../stacks/remote/phase.ts";
import { root } from "../../../stacks/root.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

const site = exampleSite();
const endpoint = endpointOf(site, "pi-2", deriveSiteKeys(exampleRootSecret, site));
const phase: Phase = { node: "pi-2", name: "trial", files: [], directories: [], steps: [], removal: [] };

/** Runs run-phase.ts as Pulumi does, with an ssh that never gets anywhere. */
function runPhase(t: ExecutionContext, action: string, log: string, more: object = {}) {
  const ssh = `#!/bin/sh
for word in "$@"; do [ "$last" = -E ] && echo '${log}' > "$word"; last=$word; done
exit 255
`;
  return runPhaseOver(t, action, ssh, more);
}

/** An ssh that logs in so many times, and whose connection breaks with every command. */
function brokenSsh(logins: number): string {
  return `#!/bin/sh
for word in "$@"; do
  case "$last" in -S) socket=$word ;; -E) log=$word ;; esac
  case "$word" in check) [ -e "$socket" ]; exit ;; exit) exit ;; -f) master=yes ;; esac
  last=$word
done
if [ -z "$master" ]; then rm -f "$socket"; echo broken pipe >&2; exit 255; fi
echo >> logins
if [ $(wc -l < logins) -le ${logins} ]; then : > "$socket"; exit; fi
echo "ssh: connect to host 192.168.7.12 port 22: No route to host" > "$log"
exit 255
`;
}

function runPhaseOver(t: ExecutionContext, action: string, ssh: string, more: object = {}) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-run-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, "ssh"), ssh);
  chmodSync(join(directory, "ssh"), 0o755);
  return spawnSync(process.execPath, ["remote/run-phase.ts", action], {
    cwd: join(root, "stacks"),
    input: JSON.stringify({ endpoint, phase, ...more }),
    encoding: "utf8",
    env: { ...process.env, PATH: `${directory}${delimiter}${process.env.PATH ?? ""}`, XDG_RUNTIME_DIR: directory },
  });
}

for (const log of ["ssh: connect to host 192.168.7.12 port 22: No route to host", "Host key verification failed."])
  test(`a node that is gone does not keep its resources (${log})`, (t) => {
    const { status, stdout, stderr } = runPhase(t, "remove", log);
    t.deepEqual([status, stderr], [0, ""]);
    t.regex(stdout, /^pi-2: .*192\.168\.7\.12:22.*; what it has of trial stays there\n$/);
  });

test("what was applied by a program of its own is removed like everything else, whatever that program was given", (t) => {
  const log = "ssh: connect to host 192.168.7.12 port 22: No route to host";
  const { status, stdout } = runPhase(t, "remove", log, { role: "agent", version: "v1.35.4+k3s1", servers: [] });
  t.is(status, 0);
  t.regex(stdout, /what it has of trial stays there\n$/);
});

test("a node that does not answer fails what was to be done on it, without a stack and without a secret", (t) => {
  const { status, stdout, stderr } = runPhase(
    t,
    "apply",
    "ssh: connect to host 192.168.7.12 port 22: No route to host",
  );
  t.deepEqual([status, stdout], [1, ""]);
  t.regex(stderr, /^pi-2: no answer on 192\.168\.7\.12:22 \(No route to host\)\n {2}Next: [^\n]*\n$/);
});

test("a connection that breaks in a removal says nothing about the node: it is asked again", (t) => {
  const gone = runPhaseOver(t, "remove", brokenSsh(1));
  t.is(gone.status, 0);
  t.regex(gone.stderr, /^pi-2: no answer on .*connection broke: broken pipe\); trying again\n$/);
  t.regex(gone.stdout, /\(No route to host\); what it has of trial stays there\n$/);
  const living = runPhaseOver(t, "remove", brokenSsh(9));
  t.is(living.status, 1);
  t.is(living.stdout, "");
  t.regex(living.stderr, /\n {2}Next: /);
});
