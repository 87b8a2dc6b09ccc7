import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { $ } from "zx";
import { compare } from "../../scripts/compare.ts";
import { comparisonSchema } from "../../scripts/lib/results/comparison.ts";
import { bringUp } from "../../scripts/lib/bring-up.ts";
import { pulumi } from "../../scripts/lib/pulumi.ts";
import { raiseTwin } from "../../scripts/lib/raise-twin.ts";
import { Steps } from "../../scripts/lib/steps.ts";
import { ensureStack } from "../../scripts/lib/twin-stacks.ts";
import { cardContent } from "../../stacks/cards/card-content.ts";
import { provideImage } from "../../stacks/cards/image.ts";
import { writeCard } from "../../stacks/cards/write-card.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { root } from "../../stacks/root.ts";
import { cutLink, cutPower, fillDisk, freeDisk, restoreLink, restorePower } from "../../twin/faults.ts";
import { removeNode, waitForSsh } from "../../twin/node.ts";
import { downTwin, leftovers, openTwin } from "../../twin/site.ts";
import { renderTwinExperiment, setStackKey, stackFile, stackKey } from "../../twin/stack-files.ts";
import * as live from "./live-site.ts";

// One story, told in order: each test starts from where the one before ended.

const { site, one, two } = live.stacks;
const server = "pi-1";
const agent = "pi-2";
const shape = { blocks: 2, requests: 5, maxTokens: { short: 8, long: 12 } };
const options = { flags: [], signal: new AbortController().signal };

live.useTestState();

async function clear(): Promise<void> {
  await downTwin(live.twinDirectory);
  await rm(live.stateOfTests, { recursive: true, force: true });
  await rm(live.scratch, { recursive: true, force: true });
  for (const stack of Object.values(live.stacks)) {
    await rm(stackFile(stack), { force: true });
    await rm(join(root, "results", stack), { recursive: true, force: true });
  }
}

async function raise(): Promise<void> {
  const parts = await raiseTwin({
    stack: site,
    directory: live.twinDirectory,
    experiments: [one, two],
    steps: new Steps(),
  });
  await ensureStack(one, "experiment", renderTwinExperiment(site, parts, { ...shape, threads: 1 }));
  await ensureStack(two, "experiment", renderTwinExperiment(site, parts, { ...shape, threads: 2 }));
}

/** Writes the nodes' cards, as they are before they boot, into a directory of their own. */
async function writeBlankCards(directory: string): Promise<void> {
  const { site: config, rootSecret } = await live.readSite();
  const keys = deriveSiteKeys(rootSecret, config);
  const image = await provideImage(config.image);
  for (const node of [server, agent]) {
    const content = cardContent({ site: config, node, keys, system: image.system, wifiPassword: undefined });
    await writeCard({ image, content, to: join(directory, `${node}.img`) });
  }
}

/** What a rebuild must bring back byte by byte. */
async function identity() {
  return {
    hostKeys: [await hostKey(server), await hostKey(agent)],
    authorities: await live.onNode(server, "cd /var/lib/rancher/k3s/server/tls && sha256sum *-ca.crt etcd/*-ca.crt"),
    tokens: await live.onNode(server, "sha256sum /etc/rancher/k3s/config.yaml /etc/rancher/node/password"),
    manifests: { ...(await live.resourceInputs(one)), ...(await live.resourceInputs(two)) },
    site: await live.resourceInputs(site),
  };
}

const hostKey = (node: string) => live.onNode(node, "cat /etc/ssh/ssh_host_ed25519_key.pub");

test.before(clear);
test.after.always(clear);

test.serial("blank cards become a site whose nodes are Ready", async (t) => {
  await raise();
  await bringUp([site], options);
  t.deepEqual(await live.readiness(), { [server]: "True", [agent]: "True" });
});

test.serial("two experiments brought up together interleave and are compared as pairs", async (t) => {
  await bringUp([one, two], options);
  const { output } = await compare([one, two, "--json"]);
  const [pair] = comparisonSchema.parse(JSON.parse(output)).pairs;
  t.is(pair?.evidence, "interleaved");
  t.is(pair?.scenarios.length, 2);
});

test.serial("a second up changes nothing: no write on a node, no restarted pod", async (t) => {
  const state = async () => ({
    [server]: await live.managedFiles(server),
    [agent]: await live.managedFiles(agent),
    pods: await live.podLives(),
  });
  const earlier = await state();
  t.regex(earlier[server], /config\.yaml/);
  for (const stack of [site, one, two]) await live.upUnchanged(stack);
  t.deepEqual(await state(), earlier);
});

test.serial("a hand-edited file shows in preview, is repaired by up, and the up after that is clean", async (t) => {
  const file = "/etc/rancher/k3s/config.yaml";
  const original = await live.onNode(agent, `cat ${file}`);
  for (const edit of ["first", "again"]) {
    await live.onNode(agent, `echo '# edited by hand' >> ${file}`);
    const preview = await pulumi(["preview", "--stack", site, "--diff", "--non-interactive"]);
    t.regex(preview.stdout, /config\.yaml/, `${edit}: the preview names the file`);
    t.regex(preview.stdout, /1 to update/, `${edit}: one resource is updated\n${preview.stdout}`);
    await pulumi(["up", "--stack", site, "--yes", "--skip-preview", "--non-interactive"]);
    t.is(await live.onNode(agent, `cat ${file}`), original, edit);
    await live.upUnchanged(site);
  }
});

test.serial("a node comes back from a power cut and from a cut link by itself", async (t) => {
  const twin = await openTwin(live.twinDirectory);
  const { site: config } = await live.readSite();
  const address = config.nodes[agent]?.address ?? "";
  await live.onNode(agent, "echo synced > /var/lib/bramble/synced; sync; echo lost > /var/lib/bramble/lost");
  await cutPower(twin, agent);
  await restorePower(twin, agent);
  await waitForSsh(twin, { name: agent, address });
  t.is(
    await live.onNode(agent, "cd /var/lib/bramble; cat synced; cat lost 2>/dev/null || echo gone"),
    "synced\ngone\n",
  );
  await live.eventually(
    "the node is Ready after the power cut",
    90,
    async () => (await live.readiness())[agent] === "True",
  );

  await cutLink(twin, agent);
  const answers = () =>
    live.onNode(agent, "true").then(
      () => true,
      () => false,
    );
  await live.eventually("the cut link is noticed", 60, async () => !(await answers()));
  await restoreLink(twin, agent);
  await live.eventually("the node answers again", 60, answers);
  await live.eventually("the node is Ready again", 60, async () => (await live.readiness())[agent] === "True");
  await live.upUnchanged(site);
});

test.serial("a rebuild is the same, and its results compare as like with like", async (t) => {
  const earlier = await identity();
  await writeBlankCards(join(live.scratch, "first"));
  for (const stack of [two, one, site])
    await pulumi(["destroy", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"]);
  await downTwin(live.twinDirectory);
  await raise();
  await bringUp([site], options);
  await bringUp([one, two], options);
  t.deepEqual(await identity(), earlier);
  await writeBlankCards(join(live.scratch, "second"));
  for (const card of [`${server}.img`, `${agent}.img`])
    await $({ quiet: true })`cmp ${join(live.scratch, "first", card)} ${join(live.scratch, "second", card)}`;
  const [first, second] = (await readdir(join(root, "results", one))).sort();
  t.is(second, `${first ?? ""}-2`, "the same plan, measured again");
  const { output } = await compare([`${one}@${first ?? ""}`, `${one}@${second ?? ""}`, "--json"]);
  const [pair] = comparisonSchema.parse(JSON.parse(output)).pairs;
  t.deepEqual(pair?.allowed, [], "nothing had to be allowed to differ");
});

test.serial("a full disk shows as one, and is gone when it is freed", async (t) => {
  const twin = await openTwin(live.twinDirectory);
  const write = "head -c 1048576 /dev/zero > /var/lib/bramble/trial && sync && rm /var/lib/bramble/trial";
  await fillDisk(twin, agent);
  await t.throwsAsync(live.onNode(agent, write), { message: /No space left on device/ });
  await freeDisk(twin, agent);
  await t.notThrowsAsync(live.onNode(agent, write));
  await live.onNode(agent, "rm -f /var/lib/bramble/trial");
  await live.eventually("the node is Ready", 60, async () => (await live.readiness())[agent] === "True");
});

test.serial("a node that is gone for good can be taken out of the configuration", async (t) => {
  const twin = await openTwin(live.twinDirectory);
  await removeNode(twin, agent);
  const config = stackKey(site, "site") as { nodes: Record<string, unknown>; images: { nodes?: string[] }[] };
  config.nodes = Object.fromEntries(Object.entries(config.nodes).filter(([name]) => name !== agent));
  config.images = config.images.filter(({ nodes }) => nodes?.includes(agent) !== true);
  setStackKey(site, "site", config);
  await bringUp([site], options);
  t.deepEqual(await live.readiness(), { [server]: "True" });
  await live.upUnchanged(site);
});

test.serial("down leaves nothing behind", async (t) => {
  await downTwin(live.twinDirectory);
  t.deepEqual(await leftovers(live.twinDirectory), []);
});
