import test from "ava";
import { cardDifference, cardProblem, staleParts, staleWarning } from "../../../stacks/cards/card-problem.ts";
import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { factsSchema } from "../../../stacks/nodes/facts.ts";

const stamp: Stamp = {
  site: "barn",
  node: "pi-2",
  generation: 2,
  system: "raspberry-pi-os",
  digest: "ab".repeat(32),
  parts: { network: "111111111111", "time zone": "222222222222", "authorised keys": "333333333333" },
};
const { site, node, generation } = stamp;
const expected = { site, node, generation };
const at = { stack: "barn-1", node: "pi-2", expected };
const facts = factsSchema.parse({
  serial: null,
  model: "Raspberry Pi 5 Model B Rev 1.0",
  memoryMegabytes: 8062,
  architecture: "aarch64",
  kernel: "6.12.25+rpt-rpi-2712",
  pageSize: 16384,
  cpus: 4,
  cgroup: { version: 2, memory: true },
  bootDisk: "/dev/mmcblk0p2",
  virtualization: "none",
});

test("the right card is no problem", (t) => {
  t.is(cardProblem(at, { stamp, facts }), undefined);
  t.is(cardProblem(at, { stamp, facts: { ...facts, cgroup: null } }), undefined, "unknown is no problem");
});

test("a card from another image or seed is no problem while its generation is the same", (t) => {
  const other = { ...stamp, digest: "cd".repeat(32), parts: { network: "999999999999" }, system: "ubuntu" };
  t.is(cardProblem(at, { stamp: other, facts }), undefined);
});

const problems: [string, unknown, RegExp][] = [
  [
    "no stamp",
    null,
    /^pi-2: needs its card of generation 2: the board's card has no stamp of Bramble's\n {2}Next: put the right card into the board, or write it: npm run flash -- barn-1 pi-2$/,
  ],
  ["something else in the stamp's place", { site: 1 }, /no stamp of Bramble's/],
  ["another node's card", { ...stamp, node: "pi-3" }, /the board runs the card of pi-3 in site barn\n/],
  ["another site's card", { ...stamp, site: "shed" }, /the board runs the card of pi-2 in site shed\n/],
  ["an older card", { ...stamp, generation: 1 }, /needs its card of generation 2: the board runs generation 1\n/],
];
for (const [title, found, message] of problems)
  test(`${title} is named with what to do`, (t) => {
    t.regex(cardProblem(at, { stamp: found, facts })?.message ?? "", message);
    t.not(cardDifference(expected, found), undefined);
  });

test("a kernel that cannot limit memory is found before K3s fails on it, on an adopted node too", (t) => {
  const without = { ...facts, cgroup: { version: 2 as const, memory: false, controllers: [] } };
  for (const card of [expected, undefined])
    t.regex(
      cardProblem({ ...at, expected: card }, { stamp: card && stamp, facts: without })?.message ?? "",
      /cannot limit memory[^]*cgroup_enable=memory/,
    );
});

test("an adopted node needs no card", (t) => {
  t.is(cardProblem({ ...at, expected: undefined }, { stamp: null, facts }), undefined);
});

test("parts that differ are named, but for those that are kept up on the node", (t) => {
  const found = { ...stamp, parts: { ...stamp.parts, network: "9".repeat(12), "authorised keys": "9".repeat(12) } };
  t.deepEqual(staleParts(stamp, found), ["network"]);
  t.deepEqual(staleParts(stamp, { ...found, parts: { ...found.parts, "time zone": "8".repeat(12) } }), [
    "network",
    "time zone",
  ]);
  t.deepEqual(staleParts(stamp, stamp), []);
});

test("parts that only one of two versions of Bramble knows are no difference", (t) => {
  t.deepEqual(staleParts(stamp, { ...stamp, parts: {} }), []);
  t.deepEqual(staleParts({ ...stamp, parts: {} }, stamp), []);
});

test("another generation is not stale: it is another card", (t) => {
  t.deepEqual(staleParts(stamp, { ...stamp, generation: 1, parts: { network: "9".repeat(12) } }), []);
});

test("what stale parts mean, in one line", (t) => {
  t.is(
    staleWarning("barn-1", expected, ["network", "time zone"]),
    "pi-2: its card was made with another network, time zone, and stays as it is; to take that up, raise nodes.pi-2.generation to 3 and write the card: npm run flash -- barn-1 pi-2",
  );
});
