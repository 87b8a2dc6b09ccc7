import test from "ava";
import { flash } from "../../../../scripts/lib/flash/command.ts";
import type { Surroundings } from "../../../../scripts/lib/flash/surroundings.ts";
import { cardContent } from "../../../../stacks/cards/card-content.ts";
import type { Stamp } from "../../../../stacks/cards/stamp.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleRootSecret, exampleSite } from "../../../stacks/keys/example.ts";
import { fakeMachine } from "./fake-surroundings.ts";
import { cardInReader, emptyReader, reader, systemDisk, type Listed } from "./lsblk.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);

function stampOf(node: string): Stamp {
  return cardContent({ site, node, keys, system: "raspberry-pi-os", wifiPassword: undefined }).stamp;
}

const blank = (sequence: number): Listed => ({ ...cardInReader, children: [], "disk-seq": sequence });
const empty = { devices: [systemDisk, emptyReader] };
const card = (sequence: number, stamp?: Stamp) => ({ devices: [systemDisk, blank(sequence)], stamp });
/** The card that was written last, still in the reader. */
const left = (sequence: number) => (written: Stamp | undefined) => card(sequence, written);

const run = (args: readonly string[], surroundings: Surroundings, signal = new AbortController().signal) =>
  flash(["barn", "--all", ...args], { signal, defer: () => undefined }, surroundings);
const both = [
  { node: "pi-1", to: "/dev/sdb" },
  { node: "pi-2", to: "/dev/sdb" },
];

test("every node's card in turn at one reader: the one just written is not taken for the next", async (t) => {
  const fake = fakeMachine([empty, empty, card(1), card(1), card(1), left(1), left(1), empty, card(2)]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, both);
  const text = fake.terminal
    .text()
    .replaceAll(/digest [0-9a-f]{8}/g, "digest …")
    .replaceAll(/in \d+ s/g, "in … s");
  t.is(
    text,
    `pi-1: insert its card into ${reader}
pi-1: writing its card to ${reader}
pi-1: card written and read back: generation 1, digest …, 2.9 GB in … s
  Take it out and put it into pi-1.
pi-2: insert its card into ${reader}
pi-2: writing its card to ${reader}
pi-2: card written and read back: generation 3, digest …, 2.9 GB in … s
  Take it out and put it into pi-2.
barn: all 2 cards are written, 2 of them now
  Next: put them into their boards and power them on; then npm run up -- barn
`,
  );
});

test("a card that is in the reader at the beginning is taken where the reader is named", async (t) => {
  const fake = fakeMachine([card(1), card(1), card(1), left(1), empty, card(2)]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, both);
});

test("without --to, only what is newly inserted is taken", async (t) => {
  const stick: Listed = { ...blank(7), name: "sde" };
  const before = { devices: [systemDisk, stick, emptyReader] };
  const after = (sequence: number) => ({ devices: [systemDisk, stick, blank(sequence)] });
  const fake = fakeMachine([
    ...[before, before, after(8), after(8), after(8)],
    (written) => ({ ...after(8), stamp: written }),
    ...[before, after(9)],
  ]);
  await run(["--yes"], fake);
  t.deepEqual(fake.written, both);
  t.regex(fake.terminal.text(), /pi-1: insert its card \(one that is in a reader already: take it out first\)\n/);
});

test("cards that are written already are told by what is on them, whichever comes first", async (t) => {
  const fake = fakeMachine([card(1, stampOf("pi-2")), card(1, stampOf("pi-2")), empty, card(2, stampOf("pi-1"))]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, []);
  t.regex(fake.terminal.text(), /pi-2: its card is written already.*take it out\npi-1: its card is written already/);
  t.regex(fake.terminal.text(), /barn: all 2 cards are written, 0 of them now/);
});

test("a card that is refused is told once, and the next one waited for", async (t) => {
  const foreign = { ...stampOf("pi-1"), site: "orchard" };
  const fake = fakeMachine([
    ...[empty, card(1, foreign), card(1, foreign), card(1, foreign), empty],
    ...[card(2), card(2), card(2), left(2), empty, card(3)],
  ]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, both);
  t.is(fake.terminal.text().split("is the card of pi-1 in site orchard").length, 2);
});

test("a card that the desktop mounted is taken once it is unmounted", async (t) => {
  const mounted = { devices: [systemDisk, { ...blank(1), mountpoints: ["/media/ada/bootfs"] }] };
  const fake = fakeMachine([empty, mounted, mounted, card(1), card(1), card(1), left(1), empty, card(2)]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, both);
  t.is(fake.terminal.text().split("mounted at /media/ada/bootfs").length, 2);
});

test("each card is confirmed by its own name", async (t) => {
  const fake = fakeMachine([card(1), card(1), card(1), card(1), left(1), empty, card(2)], {
    answers: ["pi-1\n", "pi-2\n"],
  });
  await run(["--to", reader], fake);
  t.deepEqual(fake.written, both);
  const refused = fakeMachine([card(1)], { answers: ["pi-2\n"] });
  await t.throwsAsync(run(["--to", reader], refused), { instanceOf: UserError, message: /not confirmed/ });
  t.deepEqual(refused.written, []);
});

test("what can never hold a card ends it at once", async (t) => {
  const machine = { devices: [systemDisk, cardInReader] };
  for (const [to, message] of [
    ["/dev/disk/by-id/nvme-SAMSUNG_MZVL2512HCJQ_S675NX0T123456", /this machine runs from it/],
    [`${reader}-part1`, /is a partition of/],
    ["/etc/hostname", /is a file, which can hold one card only/],
  ] as const)
    await t.throwsAsync(run(["--to", to, "--yes"], fakeMachine([machine])), { instanceOf: UserError, message });
});

test("a reader that is not plugged in yet is waited for", async (t) => {
  const unplugged = { devices: [systemDisk] };
  const fake = fakeMachine([unplugged, unplugged, card(1), card(1), card(1), left(1), unplugged, card(2)]);
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, both);
});

test("that a card was written here before is said", async (t) => {
  const findWrittenCard = ({ node, generation, digest }: Stamp) =>
    Promise.resolve(node === "pi-1" ? { generation, digest, written: new Date("2026-11-24T10:02:00Z") } : undefined);
  const fake = fakeMachine([card(1), card(1), card(1), left(1), empty, card(2)], { change: { findWrittenCard } });
  await run(["--to", reader, "--yes"], fake);
  t.is(fake.terminal.text().split("One was written here on 2026-11-24 10:02 UTC").length, 2);
});

test("an interruption ends the waiting", async (t) => {
  const controller = new AbortController();
  const fake = fakeMachine([empty]);
  const running = run(["--to", reader, "--yes"], fake, controller.signal);
  const reason = new Error("stop");
  setImmediate(() => {
    controller.abort(reason);
  });
  t.is(await t.throwsAsync(running), reason);
  t.deepEqual(fake.written, []);
});

test("adopted nodes are left out", async (t) => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  const { "pi-1": first, "pi-2": second } = site.nodes;
  if (first === undefined || second === undefined) throw new Error("the example site has other nodes");
  const adopted = { ...site, nodes: { "pi-1": { ...first, hostKey }, "pi-2": second } };
  const fake = fakeMachine([card(1)], { site: adopted });
  await run(["--to", reader, "--yes"], fake);
  t.deepEqual(fake.written, [{ node: "pi-2", to: "/dev/sdb" }]);
  t.regex(fake.terminal.text(), /^pi-1: was adopted, so its card is its own\n/);
});
