import test from "ava";
import fc from "fast-check";
import { renderSeed } from "../../../stacks/cards/seed.ts";
import { instanceIdOf } from "../../../stacks/cards/instance-id.ts";
import { formatStamp, parseStamp, stampOf } from "../../../stacks/cards/stamp.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

const site = exampleSite();
const seed = renderSeed(site, "pi-2", deriveSiteKeys(exampleRootSecret, site));
const stamp = stampOf(site, "pi-2", seed);

test("a stamp names its node and generation", (t) => {
  matchesGolden(t, "cards/bramble.json", formatStamp(stamp));
  t.deepEqual(parseStamp(formatStamp(stamp)), stamp);
  t.is(instanceIdOf(stamp), "barn-pi-2-3");
});

test("another image or another seed gives another digest", (t) => {
  const image = { ...site.image, sha256: "c".repeat(64) };
  const others = [
    stampOf({ ...site, image }, "pi-2", seed),
    stampOf(site, "pi-2", { ...seed, digest: "d".repeat(64) }),
  ];
  t.is(new Set([stamp, ...others].map(({ digest }) => digest)).size, 3);
});

test("what is no stamp is none", (t) => {
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    JSON.stringify({ ...stamp, more: 1 }),
    JSON.stringify({ ...stamp, generation: 0 }),
  ])
    t.is(parseStamp(text), undefined);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseStamp(text) === undefined));
});
