import test from "ava";
import fc from "fast-check";
import {
  authorityOf,
  describeSite,
  parseManifest,
  renderManifest,
  type BackupManifest,
} from "../../../../scripts/lib/backup/manifest.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleManifest, keys, sha256, site } from "./example-backup.ts";

test("says of a site what a restore has to compare, and nothing secret", (t) => {
  const { nodes, clusterAuthority, site: name } = describeSite(site, keys);
  t.is(name, "barn");
  t.deepEqual(nodes, { "pi-1": { role: "server", generation: 1 }, "pi-2": { role: "agent", generation: 3 } });
  t.is(clusterAuthority, authorityOf(keys));
  t.not(clusterAuthority, authorityOf(deriveSiteKeys(sha256("another"), site)), "another root secret has another one");
  const text = renderManifest(exampleManifest());
  for (const secret of [keys.serverToken, keys.agentToken, sha256(keys.serverToken)]) t.false(text.includes(secret));
});

test("what was rendered is parsed to the same", (t) => {
  const hex = fc.string().map(sha256);
  const manifest: fc.Arbitrary<BackupManifest> = fc.record({
    schema: fc.constant(1 as const),
    site: fc.string(),
    k3sVersion: fc
      .tuple(fc.nat(99), fc.nat(99), fc.nat(9))
      .map(([line, patch, k3s]) => `v1.${line}.${patch}+k3s${k3s}`),
    tokenGeneration: fc.integer({ min: 1, max: 1000 }),
    clusterAuthority: hex,
    server: fc.string(),
    snapshot: fc.string(),
    time: fc
      .date({ noInvalidDate: true, min: new Date("2020-01-01"), max: new Date("2100-01-01") })
      .map((date) => date.toISOString()),
    bytes: fc.integer({ min: 1 }),
    sha256: hex,
    nodes: fc.dictionary(
      fc.string().filter((name) => name !== "__proto__"),
      fc.record({ role: fc.constantFrom("server" as const, "agent" as const), generation: fc.integer({ min: 1 }) }),
      { noNullPrototype: true },
    ),
  });
  fc.assert(
    fc.property(manifest, (written) => {
      t.deepEqual(parseManifest(renderManifest(written), "here"), written);
    }),
  );
});

const broken: readonly [string, string, RegExp][] = [
  ["no JSON", "{", /it is no JSON/],
  ["another JSON", "[]", /expected object/],
  ["a later schema", JSON.stringify({ ...exampleManifest(), schema: 2 }), /at schema/],
  ["an unknown key", JSON.stringify({ ...exampleManifest(), more: 1 }), /more/],
  ["a version that is no release", JSON.stringify(exampleManifest({ k3sVersion: "latest" })), /at k3sVersion/],
  ["a digest that is too short", JSON.stringify(exampleManifest({ sha256: "ab" })), /at sha256/],
  ["an empty snapshot", JSON.stringify(exampleManifest({ bytes: 0 })), /at bytes/],
];
for (const [what, text, message] of broken)
  test(`refuses ${what}`, (t) => {
    const error = t.throws(() => parseManifest(text, "backups/barn/x/manifest.json"), { instanceOf: UserError });
    t.regex(error.message, message);
    t.regex(error.message, /backups\/barn\/x\/manifest\.json/);
  });
