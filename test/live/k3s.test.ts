import { appendFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { expectNoWrites, recover } from "../../scripts/faults/recovery.ts";
import { TrialSite } from "../../scripts/faults/trial-site.ts";
import { startUpdate } from "../../scripts/faults/update.ts";
import { bringWorkloadImage, deployWorkload, describeFared, watchWhile } from "../../scripts/faults/workload.ts";
import { pulumi } from "../../scripts/lib/pulumi.ts";
import { Steps } from "../../scripts/lib/steps.ts";
import { bundlesDirectory, readBundle } from "../../stacks/config/bundle.ts";
import { root } from "../../stacks/root.ts";
import { removeNode, startNode, stopNode } from "../../twin/node.ts";
import { runCommand } from "./run-command.ts";

// A cluster's life on three servers and an agent. One story, told in order: each test starts from where the one before ended.

const [first, second, third, agent] = ["pi-1", "pi-2", "pi-3", "pi-4"] as const;
const servers = [first, second, third];
const trial = new TrialSite({
  stack: "test-k3s",
  nodes: [...servers, agent],
  servers: 3,
  steps: new Steps(process.stderr),
});
const backups = join(root, "backups", trial.stack);
const bundle = join(root, bundlesDirectory, trial.stack);

test.before(() => trial.close());
test.after.always(async () => {
  await trial.close();
  for (const directory of [backups, bundle]) await rm(directory, { recursive: true, force: true });
});

const readyNodes = async () =>
  (await trial.kubectl("get nodes --no-headers"))
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/).slice(0, 2).join(" "));
const all = [...servers, agent].map((node) => `${node} Ready`);
const versions = async () =>
  (await trial.kubectl("get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}'")).trim().split(" ");
/** What changes when K3s on a node is restarted. */
const starts = (node: string) =>
  trial.onNode(node, "systemctl show k3s.service k3s-agent.service --property=ExecMainStartTimestampMonotonic");
const configure = (settings: Record<string, unknown>) => {
  trial.configure((site) => {
    site.k3s = { ...(site.k3s as object), ...settings };
  });
};
/** An `up` that has to fail; returns what it printed. */
const failingUp = async () => {
  const { code, output } = await (await startUpdate(trial.stack)).end;
  if (code === 0) throw new Error("the up succeeded");
  return output;
};

test.serial("three servers and an agent become a cluster, and the next up writes nothing", async (t) => {
  t.timeout(900_000);
  await trial.open();
  await bringWorkloadImage(trial);
  await trial.powerOn();
  await trial.up();
  t.deepEqual(await readyNodes(), all);
  await expectNoWrites(trial);
  await deployWorkload(trial);
  t.regex(
    await trial.onNode(first, "stat -c '%a %U' /etc/rancher/k3s/config.yaml /var/lib/rancher/k3s/server/token"),
    /^600 root\n600 root\n$/,
  );
});

test.serial("labels and taints are reconciled, and restart nothing", async (t) => {
  const before = await starts(agent);
  trial.configureNode(agent, {
    labels: { "bramble.dev/shelf": "2" },
    taints: { "bramble.dev/only": "PreferNoSchedule" },
  });
  await trial.up();
  const read = () =>
    trial.kubectl(`get node ${agent} -o 'jsonpath={.metadata.labels.bramble\\.dev/shelf} {.spec.taints[*].key}'`);
  t.is(await read(), "2 bramble.dev/only");
  await trial.kubectl(`taint node ${agent} bramble.dev/only- >/dev/null`);
  t.regex(await trial.preview(), /bramble\.dev\/only/);
  await trial.up();
  t.is(await read(), "2 bramble.dev/only");
  t.is(await starts(agent), before);
  trial.configureNode(agent, { labels: {}, taints: {} });
  await trial.up();
  t.is((await read()).trim(), "");
  await expectNoWrites(trial);
});

test.serial("a changed setting restarts the nodes that it touches and no others", async (t) => {
  const before = await Promise.all(trial.nodes.map(starts));
  configure({ extra: { agent: { "kubelet-arg": ["max-pods=90"] } } });
  await trial.up();
  const after = await Promise.all(trial.nodes.map(starts));
  t.deepEqual(after.slice(0, 3), before.slice(0, 3), "no server was restarted");
  t.not(after[3], before[3], "the agent was");
  t.deepEqual(await readyNodes(), all);
  await expectNoWrites(trial);
});

test.serial(
  "a key that K3s does not know is refused, and so is what was decided when the cluster was made",
  async (t) => {
    configure({ extra: { agent: { "kubelet-args": ["max-pods=90"] } } });
    t.regex(await failingUp(), /kubelet-args.*kubelet-arg/s);
    configure({ extra: {}, clusterCidr: ["10.99.0.0/16"] });
    t.regex(await failingUp(), /clusterCidr/);
    configure({ clusterCidr: ["10.42.0.0/16"] });
    await recover(trial);
    t.pass();
  },
);

test.serial("a node whose name another board has taken says so, from its own journal", async (t) => {
  const config = trial.config();
  trial.configure((site) => {
    site.nodes = Object.fromEntries(Object.entries(site.nodes as object).filter(([name]) => name !== agent));
  });
  await trial.up();
  t.deepEqual(await readyNodes(), all.slice(0, 3), "the agent left the cluster");
  t.is(
    await trial.onNodeOf(config, agent, "ls /usr/local/bin/k3s /var/lib/rancher/k3s 2>/dev/null || true"),
    "",
    "and K3s left it",
  );
  const stranger = `$1:0000000000000000:15:8:1:${"A".repeat(86)}`;
  await trial.kubectl(
    `create secret generic ${agent}.node-password.k3s --namespace=kube-system '--from-literal=hash=${stranger}' >/dev/null`,
  );
  trial.configure((site) => {
    site.nodes = config.nodes;
  });
  const output = await failingUp();
  t.regex(output, new RegExp(`${agent}[^\\n]*(password|name)`, "i"));
  await trial.kubectl(`delete secret ${agent}.node-password.k3s --namespace=kube-system >/dev/null`);
  await recover(trial);
  t.deepEqual(await readyNodes(), all);
});

test.serial("the tokens are replaced, and nobody falls out of the cluster", async (t) => {
  t.timeout(600_000);
  configure({ tokenGeneration: 2 });
  await trial.up();
  t.deepEqual(await readyNodes(), all);
  await expectNoWrites(trial);
  configure({ tokenGeneration: 1 });
  t.regex(await failingUp(), /generation/);
  configure({ tokenGeneration: 2 });
  await recover(trial);
});

test.serial("the first server is lost for good, the others go on, and a new card takes its place", async (t) => {
  t.timeout(900_000);
  const fared = await watchWhile(trial, async () => {
    await removeNode(trial.twin, first);
    // An up finds it dead, says so, and changes nothing.
    t.regex(await trial.up(), new RegExp(first));
    await trial.powerOn();
    await recover(trial);
  });
  t.log(describeFared(fared));
  t.deepEqual(await readyNodes(), all);
});

test.serial("an upgrade that skips a minor version or goes down is refused", async (t) => {
  const { version } = trial.config().k3s;
  configure({ version: "v1.36.0+k3s1" });
  t.regex(await failingUp(), /1\.35/);
  configure({ version: "v1.33.1+k3s1" });
  t.regex(await failingUp(), /down|older/);
  configure({ version });
  await expectNoWrites(trial);
  t.pass();
});

test.serial("an offline site takes all from its bundle, and refuses what differs from the lock by name", async (t) => {
  const made = await runCommand("bundle", [trial.stack]);
  t.is(made.code, 0, made.output);
  const lock = readBundle(trial.stack);
  const binary = lock?.entries.find(({ sha256 }) => sha256 === trial.config().k3s.binary.sha256);
  t.is(binary?.kind, "k3s-binary");
  trial.configure((site) => {
    site.offline = true;
  });
  // The same artefacts from another place on this machine: nothing is written to any node.
  await trial.up();
  await expectNoWrites(trial);
  await appendFile(join(bundle, binary?.name ?? ""), "x");
  t.regex(await failingUp(), new RegExp(`${binary?.name ?? ""}: has \\d+ bytes`));
  trial.configure((site) => {
    site.offline = false;
  });
  await rm(bundle, { recursive: true });
  await recover(trial);
});

test.serial("an upgrade goes node by node, and nobody who knows all servers notices", async (t) => {
  t.timeout(1_200_000);
  await trial.useK3s("1.35");
  const preview = await trial.preview();
  t.regex(preview, new RegExp(`${first}, ${second}, ${third}`), "the preview says the order");
  // Whether somebody answers is tested here; whether within a second, on a machine that does all this at once, is for
  // `npm run bench -- k3s` to measure.
  const fared = await watchWhile(trial, () => trial.up(), 10_000);
  t.log(describeFared(fared));
  t.is(fared.api.failed, 0);
  t.is(fared.workload.failed, 0);
  t.true((await versions()).every((version) => version.startsWith("v1.35.")));
  t.deepEqual(await readyNodes(), all, "nobody stayed cordoned");
  t.regex(await trial.onNode(first, "ls /var/lib/rancher/k3s/server/db/snapshots"), /bramble-before/);
  await expectNoWrites(trial);
});

test.serial("doctor finds nothing wrong, and then what is", async (t) => {
  const healthy = await runCommand("doctor", [trial.stack]);
  t.is(healthy.code, 0, healthy.output);
  await trial.onNode(agent, "systemctl stop k3s-agent.service");
  await stopNode(trial.twin, third);
  const sick = await runCommand("doctor", [trial.stack]);
  t.is(sick.code, 1);
  t.regex(sick.output, new RegExp(`${agent}.*inactive|${agent}.*stopped`, "s"));
  t.regex(sick.output, new RegExp(third));
  await startNode(trial.twin, third);
  await recover(trial);
});

test.serial("a backup brings the cluster back onto newly written cards", async (t) => {
  t.timeout(1_200_000);
  await trial.kubectl("create configmap remembered --from-literal=of=old >/dev/null");
  const backup = await runCommand("backup", [trial.stack]);
  t.is(backup.code, 0, backup.output);
  const [directory = ""] = await readdir(backups);
  for (const node of trial.nodes) await removeNode(trial.twin, node);
  await trial.powerOn();
  for (const node of trial.nodes) await trial.waitFor(node);
  const restored = await runCommand("restore", [trial.stack, join(backups, directory), "--yes"]);
  t.is(restored.code, 0, restored.output);
  await recover(trial);
  t.is(await trial.kubectl("get configmap remembered -o 'jsonpath={.data.of}'"), "old");
  t.deepEqual(await readyNodes(), all);
});

test.serial("destroy refuses protected servers and results that nobody collected, then leaves nothing", async (t) => {
  t.timeout(600_000);
  trial.configure((site) => {
    site.protect = true;
  });
  await trial.up();
  await t.throwsAsync(trial.destroy(), { message: /protect/ });
  trial.configure((site) => {
    site.protect = false;
  });
  await trial.up();
  await trial.onNode(
    agent,
    "mkdir -p /var/lib/bramble/results/0123456789ab; echo '{}' > /var/lib/bramble/results/0123456789ab/block-0.ndjson",
  );
  const refused = await pulumi(["destroy", "--stack", trial.stack, "--yes", "--skip-preview", "--non-interactive"], {
    allowFailure: true,
  });
  t.regex(refused.stdout + refused.stderr, /0123456789ab/);
  t.deepEqual(await readyNodes(), all, "nothing was destroyed");
  await trial.onNode(agent, "rm -r /var/lib/bramble/results/0123456789ab");
  await trial.destroy();
  for (const node of trial.nodes) {
    const left = await trial.onNode(
      node,
      "ls -d /var/lib/rancher/k3s /etc/rancher/k3s /run/k3s 2>/dev/null || true; grep -E 'k3s|kubelet|/cni-' /proc/mounts || true; ip -o link | grep -E 'cni0|flannel|veth' || true; iptables-save | grep -E 'KUBE-|CNI-' || true; pgrep -a containerd || true",
    );
    t.is(left, "", node);
  }
});

test.serial("down leaves nothing behind", async (t) => {
  await trial.close();
  t.deepEqual(await trial.leftovers(), []);
});
