import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { momentOf, waitForMoment } from "../../scripts/faults/moments.ts";
import { shortNodeFaults } from "../../scripts/faults/node-faults.ts";
import { expectNoWrites, recover, tryFault } from "../../scripts/faults/recovery.ts";
import { TrialSite } from "../../scripts/faults/trial-site.ts";
import { startUpdate } from "../../scripts/faults/update.ts";
import { stackConfiguration } from "../../scripts/lib/pulumi.ts";
import { Steps } from "../../scripts/lib/steps.ts";
import { root } from "../../stacks/root.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { attachDisk, dataDiskDevice } from "../../twin/data-disk.ts";
import { cardOf, removeNode, startNode, stopNode } from "../../twin/node.ts";
import { findOnBootPartition, tellingLines } from "./raw-scan.ts";
import { snapshotScript } from "./snapshot.ts";
import { bootUnmanagedBoard } from "./unmanaged-board.ts";

// Cards and nodes, without experiments. One story, told in order: each test starts from where the one before ended.

const [server, agent, adopted] = ["pi-1", "pi-2", "pi-3"] as const;
const trial = new TrialSite({ stack: "test-nodes", nodes: [server, agent], steps: new Steps(process.stderr) });
const found: Record<string, string> = {};
/** Leaves no cache in root's home, which would look like Bramble's. */
const kubectl = "KUBECACHEDIR=/run/trial /usr/local/bin/k3s kubectl";

test.before(() => trial.close());
test.after.always(() => trial.close());

const keys = async () => {
  const { rootSecret } = await stackConfiguration(trial.stack);
  return deriveSiteKeys(String(rootSecret), trial.config());
};
const readyNodes = async () =>
  (await trial.onNode(server, `${kubectl} get nodes --no-headers`))
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/).slice(0, 2).join(" "));

test.serial("blank cards become nodes that are Ready, with labels and a data disk", async (t) => {
  t.timeout(900_000);
  await trial.open();
  await attachDisk(trial.twin, agent, 1024 ** 3);
  trial.configureNode(agent, { dataDisk: { device: dataDiskDevice(agent) }, labels: { "bramble.dev/trial": "yes" } });
  await trial.powerOn();
  const { privateKey } = (await keys()).hostKey(agent);
  t.is(
    (await findOnBootPartition(cardOf(trial.twin, agent), tellingLines(privateKey))).length,
    tellingLines(privateKey).length,
    "a raw scan finds the secrets before they are scrubbed",
  );
  for (const node of trial.nodes) {
    await trial.onNode(node, "cloud-init status --wait >/dev/null");
    found[node] = await trial.onNode(node, snapshotScript);
  }
  await trial.up();
  t.deepEqual(await readyNodes(), [`${server} Ready`, `${agent} Ready`]);
  await expectNoWrites(trial);
});

test.serial("cloud-init on a node finds nothing wrong with any golden card", async (t) => {
  const golden = join(root, "test", "fixtures", "golden", "cards");
  const cards = (await readdir(golden, { recursive: true })).filter((path) => basename(path) === "user-data");
  t.true(cards.length >= 7);
  for (const card of cards) {
    const text = await readFile(join(golden, card), "utf8");
    const check = `cat > /run/user-data <<'END-OF-CARD'\n${text}\nEND-OF-CARD\ncloud-init schema --config-file /run/user-data`;
    t.regex(await trial.onNode(agent, `${check}; rm /run/user-data`), /Valid cloud-config/, card);
  }
});

test.serial("the data disk holds K3s, models and results, and keeps them over a reboot and an up", async (t) => {
  const source = () =>
    trial.onNode(
      agent,
      "for at in rancher/k3s bramble/results bramble/models; do findmnt -n -o SOURCE -T /var/lib/$at; done",
    );
  const places = (await source()).trim().split("\n");
  t.is(places.length, 3);
  for (const place of places) t.true(place.startsWith(dataDiskDevice(agent)), place);
  await trial.onNode(agent, "echo kept > /var/lib/bramble/results/kept; sync");
  await stopNode(trial.twin, agent);
  await startNode(trial.twin, agent);
  await recover(trial);
  t.is(await trial.onNode(agent, "cat /var/lib/bramble/results/kept; rm /var/lib/bramble/results/kept"), "kept\n");
  t.deepEqual((await source()).trim().split("\n"), places);
});

test.serial("the seed's secrets are nowhere on the boot partition nor in the instance's data", async (t) => {
  const { privateKey } = (await keys()).hostKey(agent);
  const lines = tellingLines(privateKey);
  t.true(lines.length > 1);
  t.is(
    await trial.onNode(agent, `grep -rlF '${lines.join("\n")}' /var/lib/cloud /run/cloud-init /var/log || true`),
    "",
    "in what cloud-init keeps",
  );
  await stopNode(trial.twin, agent);
  t.deepEqual(await findOnBootPartition(cardOf(trial.twin, agent), lines), []);
  await startNode(trial.twin, agent);
  await trial.waitFor(agent);
});

/** What drifts, how it shows, and what lies there when it is right. */
const drifts: readonly { kind: string; on: string; drift: string; shows: RegExp; look: string }[] = [
  {
    kind: "file",
    on: agent,
    drift: "echo '# by hand' >> /etc/rancher/k3s/config.yaml",
    shows: /config\.yaml/,
    look: "sha256sum /etc/rancher/k3s/config.yaml",
  },
  {
    kind: "missing file",
    on: agent,
    drift: "rm /etc/logrotate.d/00-bramble",
    shows: /00-bramble/,
    look: "sha256sum /etc/logrotate.d/00-bramble",
  },
  {
    kind: "mode",
    on: server,
    drift: "chmod 0644 /etc/rancher/k3s/config.yaml",
    shows: /config\.yaml/,
    look: "stat -c '%a %U:%G' /etc/rancher/k3s/config.yaml",
  },
  {
    kind: "owner",
    on: agent,
    drift: "chown nobody /etc/rancher/k3s/config.yaml",
    shows: /config\.yaml/,
    look: "stat -c '%a %U:%G' /etc/rancher/k3s/config.yaml",
  },
  {
    kind: "unit",
    on: agent,
    drift: "systemctl disable --now --quiet bramble-firewall.service",
    shows: /bramble-firewall\.service/,
    look: "systemctl is-enabled bramble-firewall.service; systemctl is-active bramble-firewall.service; nft list tables inet",
  },
  {
    kind: "package",
    on: agent,
    drift: "systemctl stop bramble-firewall.service; dpkg --remove --force-depends nftables >/dev/null",
    shows: /nftables/,
    look: "dpkg-query -W -f '${db:Status-Status}\\n' nftables; nft list tables inet",
  },
  {
    kind: "label",
    on: server,
    drift: `${kubectl} label node ${agent} bramble.dev/trial=no --overwrite >/dev/null`,
    shows: /bramble\.dev\/trial/,
    look: `${kubectl} get node ${agent} -o 'jsonpath={.metadata.labels.bramble\\.dev/trial}'`,
  },
];

for (const { kind, on, drift, shows, look } of drifts)
  test.serial(`drift of a ${kind} is seen, repaired once, and then gone`, async (t) => {
    const right = await trial.onNode(on, look);
    await trial.onNode(on, drift);
    t.not(await trial.onNode(on, `${look} || true`).catch(() => "it fails"), right, "something has drifted");
    const preview = await trial.preview();
    t.regex(preview, shows, "the preview names it");
    t.regex(preview, /\d+ to update/);
    t.notRegex(preview, /to (create|delete|replace)/);
    await trial.up();
    t.is(await trial.onNode(on, look), right);
    await expectNoWrites(trial);
  });

test.serial("what Bramble does not manage is left alone", async (t) => {
  const own = "/etc/sysctl.d/99-own.conf /etc/systemd/system/own.service /etc/hosts.own";
  await trial.onNode(agent, `for file in ${own}; do echo '# mine' > $file; done; echo '10.9.8.7 mine' >> /etc/hosts`);
  const state = () => trial.onNode(agent, `stat -c '%n %i %a %U %Z' ${own}; grep mine /etc/hosts`);
  const before = await state();
  await trial.onNode(agent, "echo '# by hand' >> /etc/rancher/k3s/config.yaml");
  await trial.up();
  t.is(await state(), before);
  await trial.onNode(agent, `rm ${own}; sed -i /mine/d /etc/hosts`);
  await expectNoWrites(trial);
});

test.serial("firmware settings reboot the node once, and it is waited for", async (t) => {
  const boot = () => trial.onNode(agent, "cat /proc/sys/kernel/random/boot_id; stat -c %Z /proc/1");
  const before = await boot();
  trial.configureNode(agent, { firmware: { pcieGeneration: 3 } });
  await trial.up();
  const after = await boot();
  t.not(after, before, "it booted again");
  t.regex(await trial.onNode(agent, "cat /boot/firmware/config.txt"), /pciex1_gen=3/);
  t.deepEqual(await readyNodes(), [`${server} Ready`, `${agent} Ready`]);
  await expectNoWrites(trial);
  t.is(await boot(), after, "and not a second time");
});

for (const fault of shortNodeFaults.filter(({ fromBlank }) => fromBlank !== true))
  test.serial(`fault: ${fault.name}`, async (t) => {
    await expectRecovery(t, fault);
  });

async function expectRecovery(t: ExecutionContext, fault: (typeof shortNodeFaults)[number]): Promise<void> {
  const { recovered, injected, lost, seconds } = await tryFault(trial, fault);
  t.true(recovered, `${injected}: ${lost}`);
  t.log(`${injected}; lost: ${lost}; next up ${seconds ?? "?"} s`);
}

test.serial("a rotation of the admin key that is killed halfway locks nobody out", async (t) => {
  const former = (await keys()).admin.publicKey;
  trial.configure((site) => {
    site.adminKeyGeneration = 2;
  });
  const update = await startUpdate(trial.stack);
  await waitForMoment(trial, server, await rotated(server), update);
  process.kill(update.pid, "SIGKILL");
  await update.end;
  for (const node of trial.nodes) t.is(await trial.onNode(node, "echo in"), "in\n", `${node} lets the admin in`);
  await recover(trial);
  const present = (await keys()).admin.publicKey;
  t.not(present, former);
  for (const node of trial.nodes) {
    const authorized = await trial.onNode(node, "cat /home/*/.ssh/authorized_keys");
    t.true(authorized.includes(present), `${node} knows the present key`);
    t.false(authorized.includes(former), `${node} has forgotten the former key`);
  }
});

/** The moment at which a node has begun to change who may log in. */
async function rotated(node: string) {
  const file = "/home/bramble/.ssh/authorized_keys";
  const before = await trial.onNode(node, `cat ${file}`);
  return {
    name: "admin key rotation",
    isNow: async (view: { path(path: string): string }) => (await readFile(view.path(file), "utf8")) !== before,
  };
}

test.serial("the same name flashed again comes back with new keys", async (t) => {
  const hostKey = () => trial.onNode(agent, "cat /etc/ssh/ssh_host_ed25519_key.pub");
  const former = await hostKey();
  trial.configureNode(agent, { generation: 2 });
  const preview = await trial.preview();
  t.regex(preview, /pi-2/);
  t.regex(preview, /generation 2/);
  await stopNode(trial.twin, agent);
  await trial.powerOn();
  await recover(trial);
  t.not(await hostKey(), former);
  t.deepEqual(await readyNodes(), [`${server} Ready`, `${agent} Ready`]);
});

test.serial("a board whose card Bramble did not write is adopted, and let go again", async (t) => {
  const { image, network } = trial.config();
  const address = `${network.gateway?.replace(/\d+$/, "") ?? ""}13`;
  const hostKey = await bootUnmanagedBoard(
    trial.twin,
    { name: adopted, address },
    {
      image: image.file ?? "",
      user: "ada",
      authorizedKey: (await keys()).admin.publicKey,
      gateway: network.gateway ?? "",
    },
  );
  const wrong = (await keys()).hostKey(agent).publicKey;
  trial.configureNode(adopted, { role: "agent", address, user: "ada", hostKey: wrong });
  const refused = await (await startUpdate(trial.stack)).end;
  t.not(refused.code, 0, "another host key than the one that was pinned");
  t.regex(refused.output, /host key/i);
  trial.configureNode(adopted, { hostKey });
  await trial.onNode(adopted, "cloud-init status --wait >/dev/null");
  const before = await trial.onNode(adopted, snapshotScript);
  await trial.up();
  t.deepEqual(await readyNodes(), [`${server} Ready`, `${agent} Ready`, `${adopted} Ready`]);
  await expectNoWrites(trial);
  const config = trial.config();
  trial.configure((site) => {
    site.nodes = Object.fromEntries(Object.entries(site.nodes as object).filter(([name]) => name !== adopted));
  });
  await trial.up();
  t.deepEqual(await readyNodes(), [`${server} Ready`, `${agent} Ready`]);
  t.deepEqual(difference(before, await trial.onNodeOf(config, adopted, snapshotScript)), []);
  await removeNode(trial.twin, adopted);
});

test.serial("destroy leaves a node as bootstrap found it", async (t) => {
  await trial.destroy();
  // The server's card is the one that bootstrap began with; the agent's was written again since.
  const left = difference(found[server] ?? "", await trial.onNode(server, snapshotScript));
  // The seed's secrets do not come back.
  t.deepEqual(
    left.filter((line) => !line.endsWith(" /boot/firmware/user-data")),
    [],
  );
  // A board that starts over below has no disk any more.
  trial.configureNode(agent, { dataDisk: undefined });
});

function difference(before: string, after: string): string[] {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}

for (const fault of shortNodeFaults.filter(({ fromBlank }) => fromBlank === true))
  test.serial(`fault: ${fault.name}`, async (t) => {
    t.timeout(900_000);
    await expectRecovery(t, fault);
  });

test.serial("up killed at an agent's preparation, and again at the next try, converges", async (t) => {
  t.timeout(900_000);
  await trial.startOver();
  for (let times = 0; times < 2; times += 1) {
    const update = await startUpdate(trial.stack);
    await waitForMoment(trial, agent, momentOf("K3s artefact transfer"), update);
    process.kill(update.pid, "SIGKILL");
    await update.end;
    await sleep(1000);
    await trial.unlock();
  }
  t.true((await recover(trial)) > 0);
});

test.serial("down leaves nothing behind", async (t) => {
  await trial.close();
  t.deepEqual(await trial.leftovers(), []);
});
