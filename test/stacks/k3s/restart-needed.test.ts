import test from "ava";
import type { Site } from "../../../stacks/config/site.ts";
import { installPhase } from "../../../stacks/k3s/install-phase.ts";
import { binaryPath, registrationPath } from "../../../stacks/k3s/paths.ts";
import { restartNeeded } from "../../../stacks/k3s/restart-needed.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { Records } from "../../../stacks/remote/drift.ts";
import type { Phase } from "../../../stacks/remote/phase.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

const keys = deriveSiteKeys(exampleRootSecret, exampleSite());
const install = (node: string, change: (site: Site) => void = () => undefined) => {
  const site = exampleSite();
  site.k3s.images = [{ file: "images/airgap.tar.zst", sha256: "c".repeat(64) }];
  site.k3s.registries = { mirrors: {}, authorities: {}, insecure: [], onlyMirrors: false };
  change(site);
  return installPhase(site, node, keys);
};

/** What a probe sees where a phase was applied and nothing happened since. */
function recordsOf({ name, files }: Phase, pending: string[] = []): Records {
  const seen = files.map((file) => {
    const description =
      "block" in file ? { sha256: file.sha256 } : { sha256: file.sha256, mode: file.mode, owner: file.owner };
    return [file.path, { installed: description, present: description }] as const;
  });
  const rest = { directories: {}, units: {}, packages: {}, labels: null };
  return { [name]: { applied: "2026-11-24T01:00:00.000Z", pending, files: Object.fromEntries(seen), ...rest } };
}
const after = (node: string, change: (site: Site) => void, pending: string[] = []) =>
  restartNeeded(install(node, change), recordsOf(install(node), pending));
const nothing = () => undefined;

for (const node of ["pi-1", "pi-2"]) {
  test(`nothing that changes on ${node}, nothing that restarts`, (t) => {
    t.deepEqual(after(node, nothing), { restart: false, binary: false });
  });

  test(`another K3s restarts it on ${node}, and is another executable`, (t) => {
    const change = (site: Site) => {
      site.k3s.binary = { file: "images/k3s-1.35", sha256: "9".repeat(64) };
    };
    t.deepEqual(after(node, change), { restart: true, binary: true });
  });

  test(`what K3s reads at a start restarts it on ${node}`, (t) => {
    const changes: Record<string, (site: Site) => void> = {
      configuration: (site) => {
        site.k3s.containerLog = { megabytes: 11, files: 3 };
      },
      "proxy, that was not there": (site) => {
        site.k3s.proxy = { http: "http://192.168.7.9:3128", exclude: [] };
      },
      registries: (site) => {
        site.k3s.registries = {
          mirrors: { "docker.io": { endpoints: ["http://192.168.7.9:5000"], rewrite: {} } },
          authorities: {},
          insecure: [],
          onlyMirrors: false,
        };
      },
    };
    for (const [what, change] of Object.entries(changes)) {
      const { restart, binary } = after(node, change);
      t.deepEqual({ restart, binary }, { restart: true, binary: false }, what);
    }
  });

  test(`images, labels and taints do not restart it on ${node}`, (t) => {
    const change = (site: Site) => {
      site.k3s.images = [{ file: "images/airgap-1.35.tar.zst", sha256: "8".repeat(64) }];
      site.images = [{ file: "images/runner.tar", sha256: "7".repeat(64), gpu: true }];
      site.nodes[node] = exampleNode({
        role: node === "pi-1" ? "server" : "agent",
        address: node === "pi-1" ? "192.168.7.11" : "192.168.7.12",
        generation: node === "pi-1" ? 1 : 3,
        labels: { disk: "nvme" },
        taints: { llm: "NoSchedule" },
      });
    };
    t.true(
      install(node, change).files.some(({ path }) => path === registrationPath),
      "it is told so when it joins again",
    );
    t.deepEqual(after(node, change), { restart: false, binary: false });
  });
}

test("a restart that an interrupted run left to do is due", (t) => {
  t.true(after("pi-1", nothing, ["restarted k3s.service"]).restart);
  t.false(after("pi-1", nothing, ["restarted k3s-agent.service"]).restart);
});

test("a file that was damaged or removed on the node counts as one that changes", (t) => {
  for (const present of [null, { sha256: "0".repeat(64), mode: "0755", owner: "root:root" }]) {
    const records = recordsOf(install("pi-2"));
    const file = records.k3s?.files[binaryPath];
    if (file === undefined) throw new Error("no executable");
    file.present = present;
    t.deepEqual(restartNeeded(install("pi-2"), records), { restart: true, binary: true });
  }
});

test("a file that goes restarts K3s where K3s read it", (t) => {
  const phase = install("pi-2");
  const dropped = "/etc/default/dropped";
  const unit = phase.units?.[0];
  if (unit === undefined) throw new Error("no unit");
  const before = {
    ...phase,
    files: [...phase.files, { path: dropped, mode: "0600", owner: "root:root", sha256: "1", content: "1" }],
  };
  const reads = { ...phase, units: [{ ...unit, after: [...(unit.after ?? []), dropped] }] };
  t.true(restartNeeded(reads, recordsOf(before)).restart);
  t.false(restartNeeded(phase, recordsOf(before)).restart);
});

test("a node that K3s was never put on has nothing to restart", (t) => {
  t.deepEqual(restartNeeded(install("pi-2"), {}), { restart: false, binary: false });
});
