import test from "ava";
import { authorityOf, type BackupManifest } from "../../../../scripts/lib/backup/manifest.ts";
import { configurationRefusals, serverRefusals } from "../../../../scripts/lib/backup/restore-refusals.ts";
import { exampleManifest, keys, site } from "./example-backup.ts";

const refusals = (changes: Partial<BackupManifest>) =>
  configurationRefusals(exampleManifest(changes), { stack: "barn", site, authority: authorityOf(keys) });

test("a backup of the site as it is configured is refused by no rule", (t) => {
  t.deepEqual(refusals({}), []);
  t.deepEqual(refusals({ k3sVersion: "v1.34.9+k3s2" }), [], "another patch release reads it");
});

test("another site's says so, and nothing else", (t) => {
  t.deepEqual(refusals({ site: "orchard", tokenGeneration: 7 }), [
    { what: "it is a backup of site orchard, not of barn", next: "name the right backup" },
  ]);
});

const rules: readonly [string, Partial<BackupManifest>, RegExp, RegExp][] = [
  [
    "another root secret",
    { clusterAuthority: "0".repeat(64) },
    /another root secret/,
    /bramble:rootSecret .* Pulumi\.barn\.yaml/,
  ],
  ["another token", { tokenGeneration: 2 }, /generation 2; the configuration says 1/, /set k3s\.tokenGeneration to 2/],
  [
    "another minor version",
    { k3sVersion: "v1.33.5+k3s1" },
    /v1\.33\.5\+k3s1; .* v1\.34\.2\+k3s1/,
    /set k3s\.version to v1\.33\.5/,
  ],
];
for (const [what, changes, reason, next] of rules)
  test(`${what} is refused, with the way on`, (t) => {
    const [refusal, ...more] = refusals(changes);
    t.deepEqual(more, []);
    t.regex(refusal?.what ?? "", reason);
    t.regex(refusal?.next ?? "", next);
  });

test("all that is amiss is said at once", (t) => {
  t.is(refusals({ clusterAuthority: "0".repeat(64), tokenGeneration: 2, k3sVersion: "v1.33.5+k3s1" }).length, 3);
});

test("servers that hold data, or might, are named with the way on", (t) => {
  t.deepEqual(serverRefusals("barn", [{ node: "pi-1", state: "empty" }]), []);
  const found = serverRefusals("barn", [
    { node: "pi-1", state: "data" },
    { node: "pi-2", state: "empty" },
    { node: "pi-3", state: "disk" },
    { node: "pi-4", state: "no-disk" },
    { node: "pi-5", state: { silent: "no answer on 192.168.7.15:22" } },
  ]);
  const [data, disk, noDisk, silent] = found;
  t.is(found.length, 4);
  t.regex(data?.what ?? "", /^pi-1 holds data/);
  t.regex(data?.next ?? "", /npm run up -- barn .*npm run flash -- barn pi-1/);
  t.regex(disk?.what ?? "", /data disk of pi-3/);
  t.regex(disk?.next ?? "", /wipefs/);
  t.regex(noDisk?.next ?? "", /nodes\.pi-4\.dataDisk\.device/);
  t.regex(silent?.what ?? "", /pi-5 .*no answer on 192\.168\.7\.15:22/);
  t.regex(silent?.next ?? "", /new card/);
});
