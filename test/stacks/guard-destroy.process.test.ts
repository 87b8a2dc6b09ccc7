import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import type { GuardInput } from "../../stacks/guard-destroy.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { closeConnection } from "../../stacks/remote/connection.ts";
import type { Endpoint } from "../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { root } from "../../stacks/root.ts";
import { freePort, startSshServer, testWithSshServers, type SshServer } from "../ssh-server.ts";
import { exampleRootSecret, exampleSite } from "./keys/example.ts";

// The guard as Pulumi runs it. What was collected is looked for in this checkout's results/.

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const runtime = mkdtempSync(join(tmpdir(), "bramble-run-"));
process.env.XDG_RUNTIME_DIR = runtime;
delete process.env.SSH_AUTH_SOCK;
test.after.always(() => {
  rmSync(runtime, { recursive: true });
});

/** A stack's name that no stack of this checkout has; its results are removed in the end. */
function exampleStack(t: ExecutionContext, name: string): string {
  const stack = `test-guard-${name}-${process.pid}`;
  t.teardown(() => {
    rmSync(join(root, "results", stack), { recursive: true, force: true });
  });
  return stack;
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

async function guard(
  action: string,
  input: GuardInput,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["guard-destroy.ts", action], {
    cwd: join(root, "stacks"),
    env: { ...process.env, ...environment },
  });
  child.stdin.end(JSON.stringify(input));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.on("close", resolve)));
  return { code, stdout, stderr };
}

const given = { BRAMBLE_DISCARD_RESULTS: "yes" };
const runId = "0123456789ab";

test("an experiment is destroyed once its run was collected", async (t) => {
  const stack = exampleStack(t, "collected");
  const input: GuardInput = { kind: "experiment", stack, runId };
  const refused = await guard("destroy", input);
  t.is(refused.code, 1);
  t.regex(refused.stderr, new RegExp(`${stack}: run ${runId} was not collected on this machine`));
  t.regex(refused.stderr, new RegExp(`npm run collect -- ${stack} \\(with --final`));
  t.regex(refused.stderr, new RegExp(`BRAMBLE_DISCARD_RESULTS=yes npm run pulumi -- destroy --stack ${stack}`));
  t.notRegex(refused.stderr, /at .*guard-destroy/, "no stack for what a person can act on");

  write(join(root, "results", stack, `${runId}.partial`, "raw", "block-0.ndjson"), "{}\n");
  t.is((await guard("destroy", input)).code, 1, "half collected is not collected");
  write(join(root, "results", stack, runId, "raw", "block-0.ndjson"), "{}\n");
  const allowed = await guard("destroy", input);
  t.deepEqual([allowed.code, allowed.stdout], [0, `${stack}: run ${runId} was collected\n`]);
});

test("an experiment that is given up is destroyed, and it is said what becomes of its results", async (t) => {
  const stack = exampleStack(t, "given-up");
  const { code, stdout } = await guard("destroy", { kind: "experiment", stack, runId }, given);
  t.is(code, 0);
  t.regex(stdout, /given up; what it measured stays on its node/);
  for (const value of ["", "no", "1"])
    t.is(
      (await guard("destroy", { kind: "experiment", stack, runId }, { BRAMBLE_DISCARD_RESULTS: value })).code,
      1,
      value,
    );
});

test("while a stack is up, its guard looks at nothing", async (t) => {
  const endpoint = { ...endpointOf(site, "pi-1", keys), address: "127.0.0.1", port: await freePort() };
  const { code, stdout } = await guard("watch", {
    kind: "site",
    stack: "barn",
    experiments: [],
    endpoints: [endpoint],
  });
  t.deepEqual([code, stdout], [0, "barn: what is measured on pi-1 is to be collected before a destroy\n"]);
});

async function startNode(t: ExecutionContext, sudo = true): Promise<{ endpoint: Endpoint; machine: SshServer }> {
  const machine = await startSshServer(t, {
    user: "bramble",
    authorizedKeys: [keys.admin.publicKey],
    hostKey: keys.hostKey("pi-2"),
    sudo,
  });
  const endpoint = { ...endpointOf(site, "pi-2", keys), address: machine.address, port: machine.port };
  t.teardown(() => closeConnection(endpoint));
  return { endpoint, machine };
}

/** A node that is gone for good. */
const deadNode = async () => ({ ...endpointOf(site, "pi-1", keys), address: "127.0.0.1", port: await freePort() });

testWithSshServers(
  "a site is not destroyed while results lie on its nodes, and a dead node is in nobody's way",
  async (t) => {
    const { endpoint, machine } = await startNode(t);
    const stack = exampleStack(t, "site");
    const experiment = exampleStack(t, "experiment");
    const input: GuardInput = {
      kind: "site",
      stack,
      experiments: [experiment],
      endpoints: [await deadNode(), endpoint],
    };
    const clean = await guard("destroy", input);
    t.deepEqual([clean.code, clean.stdout], [0, `${stack}: no results are left to be collected\n`]);
    t.regex(clean.stderr, /^pi-1: no answer .*; whether results lie there is not known/);

    const journal = `{"type":"block-start","pid":${process.pid}}`;
    write(machine.path(`/var/lib/bramble/results/${runId}/block-0.ndjson`), `${journal}\n{"type":"run"}\n`);
    const refused = await guard("destroy", input);
    t.is(refused.code, 1);
    t.regex(refused.stderr, new RegExp(`pi-2: run ${runId}, 1 block`));
    t.regex(refused.stderr, new RegExp(`npm run collect -- <stack> \\(this site's experiments: ${experiment}\\)`));
    t.regex(refused.stderr, new RegExp(`BRAMBLE_DISCARD_RESULTS=yes npm run pulumi -- destroy --stack ${stack}`));

    const givenUp = await guard("destroy", input, given);
    t.is(givenUp.code, 0);
    t.regex(givenUp.stdout, new RegExp(`given up\\n {4}pi-2: run ${runId}, 1 block`));

    write(join(root, "results", experiment, runId, "raw", "block-0.ndjson"), `${journal}\n`);
    t.is((await guard("destroy", input)).code, 0, "it was collected now");
  },
);

testWithSshServers(
  "a node that answers and cannot be looked at keeps its site, unless its results are given up",
  async (t) => {
    const { endpoint } = await startNode(t, false);
    const input: GuardInput = {
      kind: "site",
      stack: exampleStack(t, "broken"),
      experiments: [],
      endpoints: [endpoint],
    };
    const refused = await guard("destroy", input);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /pi-2: cannot run Python 3 as root/);
    const givenUp = await guard("destroy", input, given);
    t.is(givenUp.code, 0);
    t.regex(givenUp.stderr, /whether results lie there is not known/);
  },
);
