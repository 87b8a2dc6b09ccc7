import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { renderManifest } from "../../../../scripts/lib/backup/manifest.ts";
import { findNewestBackup, lookAtCluster, lookAtNodes } from "../../../../scripts/lib/doctor/look.ts";
import type { Kubectl } from "../../../../stacks/nodes/measuring-lease.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { healthySeen, silent, site, withNode } from "./healthy.ts";

const { keys } = healthySeen();
const empty: Kubectl = () => Promise.resolve({ code: 0, stdout: '{"items": []}', stderr: "" });
const nobody = () => Promise.resolve(undefined);

test("all nodes are looked at at once, and one that cannot be read hides none", async (t) => {
  const reports = healthySeen().nodes;
  let [now, most] = [0, 0];
  const observe = async ({ node }: { node: string }, seconds: number) => {
    t.is(seconds, site.timeouts.probe);
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    if (node === "pi-2") throw new Error("OSError: Input/output error");
    const report = reports.get(node);
    if (node === "pi-3" || report === undefined || report instanceof Error) return silent(node);
    return report;
  };
  const seen = await lookAtNodes(site, keys, { observe, findLiveServer: nobody });
  t.is(most, 5);
  t.deepEqual([...seen.keys()], ["pi-1", "pi-2", "pi-3", "pi-4", "pi-5"]);
  t.deepEqual(
    [...seen.values()].map((said) => said instanceof Error),
    [false, true, true, false, false],
  );
});

test("the cluster is asked through the first server that answers, and only servers whose K3s runs are tried", async (t) => {
  const tried: string[] = [];
  const eyes = {
    observe: () => Promise.reject(new Error("nodes were looked at")),
    findLiveServer: (servers: readonly { node: string }[]) => {
      const [server] = servers as Parameters<Parameters<typeof lookAtCluster>[3]["findLiveServer"]>[0];
      if (server === undefined) throw new Error("nobody to try");
      tried.push(server.node);
      if (server.node === "pi-1") throw new UserError({ what: "kubectl was killed", next: "x" });
      return Promise.resolve({ endpoint: server, kubectl: empty });
    },
  };
  t.is((await lookAtCluster(site, keys, healthySeen().nodes, eyes))?.through, "pi-2");
  t.deepEqual(tried.splice(0), ["pi-1", "pi-2", "pi-3"]);
  let seen = withNode("pi-1", silent("pi-1"));
  seen = withNode("pi-2", { k3s: { unit: "activating" } }, seen);
  t.is((await lookAtCluster(site, keys, seen.nodes, eyes))?.through, "pi-3");
  t.deepEqual(tried.splice(0), ["pi-3"]);
  seen = withNode("pi-3", { k3s: { hasData: false } }, seen);
  t.is(await lookAtCluster(site, keys, seen.nodes, eyes), undefined);
  t.deepEqual(tried, []);
});

test("the newest whole backup counts", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "backups-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  t.is(await findNewestBackup("barn", directory), undefined);
  const backUp = (name: string, text: string) => {
    mkdirSync(join(directory, "barn", name), { recursive: true });
    writeFileSync(join(directory, "barn", name, "manifest.json"), text);
  };
  const manifest = (time: string) =>
    renderManifest({
      schema: 1,
      site: "barn",
      k3sVersion: "v1.34.2+k3s1",
      tokenGeneration: 1,
      clusterAuthority: "a".repeat(64),
      server: "pi-1",
      snapshot: "bramble-backup-pi-1-1",
      time,
      bytes: 1,
      sha256: "b".repeat(64),
      nodes: {},
    });
  backUp("b", manifest("2027-01-02T00:00:00.000Z"));
  backUp("a", manifest("2027-01-03T00:00:00.000Z"));
  backUp("c", "{");
  mkdirSync(join(directory, "barn", ".d-1.partial"));
  writeFileSync(join(directory, "barn", "notes"), "");
  t.deepEqual(await findNewestBackup("barn", directory), new Date("2027-01-03T00:00:00.000Z"));
  t.is(await findNewestBackup("attic", directory), undefined);
});
