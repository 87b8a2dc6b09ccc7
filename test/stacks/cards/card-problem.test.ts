import test from "ava";
import { cardProblem } from "../../../stacks/cards/card-problem.ts";
import type { Facts } from "../../../stacks/nodes/facts.ts";

const stamp = { site: "barn", node: "pi-2", generation: 2, digest: "ab".repeat(32) };
const facts: Facts = {
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
};

test("the right card is no problem", (t) => {
  t.is(cardProblem(stamp, { stamp, facts }), undefined);
  t.is(cardProblem(stamp, { stamp, facts: { ...facts, cgroup: null } }), undefined, "unknown is no problem");
});

const problems: [string, unknown, RegExp][] = [
  ["no stamp", null, /^pi-2: its card has no stamp of Bramble's\n {2}Next: write the card of pi-2/],
  ["something else in the stamp's place", { site: 1 }, /no stamp of Bramble's/],
  ["another node's card", { ...stamp, node: "pi-3" }, /runs the card of pi-3 in site barn\n/],
  ["another site's card", { ...stamp, site: "shed" }, /runs the card of pi-2 in site shed\n/],
  [
    "an older card",
    { ...stamp, generation: 1 },
    /runs a card of generation 1; the configuration says 2\n {2}Next: write the card of pi-2/,
  ],
  [
    "a card from another image",
    { ...stamp, digest: "cd".repeat(32) },
    /made from another base image or seed \(cdcdcdcd; the configuration gives abababab\)/,
  ],
];
for (const [title, found, message] of problems)
  test(`${title} is named with what to do`, (t) => {
    t.regex(cardProblem(stamp, { stamp: found, facts })?.message ?? "", message);
  });

test("a kernel that cannot limit memory is found before K3s fails on it", (t) => {
  const message = cardProblem(stamp, { stamp, facts: { ...facts, cgroup: { version: 2, memory: false } } })?.message;
  t.regex(message ?? "", /cannot limit memory[^]*cgroup_enable=memory/);
});
