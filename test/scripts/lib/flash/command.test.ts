import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { flash } from "../../../../scripts/lib/flash/command.ts";
import type { Surroundings } from "../../../../scripts/lib/flash/surroundings.ts";
import { cardContent } from "../../../../stacks/cards/card-content.ts";
import type { Stamp } from "../../../../stacks/cards/stamp.ts";
import type { Site } from "../../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../../../stacks/keys/example.ts";
import { fakeMachine } from "./fake-surroundings.ts";
import { cardInReader, emptyReader, reader, systemDisk } from "./lsblk.ts";

const site = exampleSite();
const session = { signal: new AbortController().signal, defer: () => undefined };
const machine = { devices: [systemDisk, cardInReader] };

const directory = mkdtempSync(join(tmpdir(), "bramble-flash-"));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

function stampOf(node: string, changes: Partial<Stamp> = {}, of: Site = site): Stamp {
  const keys = deriveSiteKeys(exampleRootSecret, of);
  return {
    ...cardContent({ site: of, node, keys, system: "raspberry-pi-os", wifiPassword: undefined }).stamp,
    ...changes,
  };
}

const run = (args: readonly string[], surroundings: Surroundings) => flash(args, session, surroundings);
const toReader = ["barn", "pi-2", "--to", reader];

test("a card is written after its name was typed, and it is said what to do with it", async (t) => {
  const fake = fakeMachine([machine], { answers: ["pi-2\n"] });
  await run(toReader, fake);
  t.deepEqual(fake.written, [{ node: "pi-2", to: "/dev/sdb" }]);
  t.deepEqual(fake.recorded, ["pi-2 3"]);
  const text = fake.terminal
    .text()
    .replace(/digest [0-9a-f]{8}/, "digest …")
    .replace(/in \d+ s/, "in … s");
  t.is(
    text,
    `${reader}
  31.9 GB, usb, Mass-Storage; on it: bootfs vfat, rootfs ext4; all of it will be lost
Type pi-2 to write the card of pi-2: pi-2: writing its card to ${reader}
pi-2: card written and read back: generation 3, digest …, 2.9 GB in … s
  Next: put it into pi-2 and power it on; then npm run up -- barn
`,
  );
});

for (const [what, answer] of [
  ["another node's name", "pi-1\n"],
  ["yes", "y\n"],
  ["nothing", "\n"],
] as const)
  test(`${what} is no confirmation`, async (t) => {
    const fake = fakeMachine([machine], { answers: [answer] });
    await t.throwsAsync(run(toReader, fake), {
      instanceOf: UserError,
      message: /not confirmed, so nothing was written/,
    });
    t.deepEqual(fake.written, []);
  });

test("without a terminal to ask on, only --yes writes", async (t) => {
  const fake = fakeMachine([machine], { isTTY: false });
  await t.throwsAsync(run(toReader, fake), { instanceOf: UserError, message: /has to be confirmed.*\n.*--yes/ });
  t.deepEqual(fake.written, []);
  await run([...toReader, "--yes"], fake);
  t.deepEqual(fake.written, [{ node: "pi-2", to: "/dev/sdb" }]);
});

test("a card that is written already is left alone, also where nobody can be asked", async (t) => {
  const fake = fakeMachine([{ ...machine, stamp: stampOf("pi-2") }], { isTTY: false });
  await run(toReader, fake);
  t.deepEqual([fake.written, fake.recorded], [[], []]);
  t.regex(
    fake.terminal.text(),
    /^pi-2: its card is written already \(generation 3, digest [0-9a-f]{8}\), nothing to do/,
  );
});

for (const [what, changes] of [
  ["another generation", { generation: 2 }],
  ["another digest", { digest: "0".repeat(64) }],
] as const)
  test(`this node's card of ${what} is written anew`, async (t) => {
    const fake = fakeMachine([{ ...machine, stamp: stampOf("pi-2", changes) }]);
    await run([...toReader, "--yes"], fake);
    t.deepEqual(fake.written, [{ node: "pi-2", to: "/dev/sdb" }]);
  });

test("--yes does not write over another node's card; --replace does", async (t) => {
  const fake = fakeMachine([{ ...machine, stamp: stampOf("pi-1") }]);
  await t.throwsAsync(run([...toReader, "--yes"], fake), { instanceOf: UserError, message: /is the card of pi-1/ });
  t.deepEqual(fake.written, []);
  await run([...toReader, "--yes", "--replace"], fake);
  t.deepEqual(fake.written, [{ node: "pi-2", to: "/dev/sdb" }]);
});

test("a disk that can't be written to is told before the image is fetched", async (t) => {
  const provideImage = () => Promise.reject(new Error("the image was fetched"));
  const fake = fakeMachine([machine], { change: { provideImage } });
  const nvme = "/dev/disk/by-id/nvme-SAMSUNG_MZVL2512HCJQ_S675NX0T123456";
  await t.throwsAsync(run(["barn", "pi-2", "--to", nvme, "--yes", "--replace", "--size-ok"], fake), {
    instanceOf: UserError,
    message: /this machine runs from it/,
  });
  await t.throwsAsync(run(["barn", "pi-2", "--to", `${reader}-part1`], fake), { message: /is a partition of/ });
  await t.throwsAsync(run(["barn", "pi-2", "--to", "/dev/disk/by-id/none"], fake), {
    instanceOf: UserError,
    message: /there is no such device/,
  });
});

test("a card that is changed, or mounted, while the question stands is not written to", async (t) => {
  const changed = fakeMachine([machine, machine, { devices: [systemDisk, { ...cardInReader, "disk-seq": 30 }] }], {
    answers: ["pi-2\n"],
  });
  await t.throwsAsync(run(toReader, changed), { instanceOf: UserError, message: /not the card any more/ });
  const mounted = fakeMachine([machine, machine, { devices: [{ ...cardInReader, mountpoints: ["/mnt"] }] }], {
    answers: ["pi-2\n"],
  });
  await t.throwsAsync(run(toReader, mounted), { instanceOf: UserError, message: /mounted at \/mnt/ });
  t.deepEqual([...changed.written, ...mounted.written], []);
});

test("without --to, what there is is listed", async (t) => {
  const error = await t.throwsAsync(run(["barn", "pi-2"], fakeMachine([{ ...machine, stamp: stampOf("pi-1") }])), {
    instanceOf: UserError,
  });
  t.regex(
    error.message,
    /^it is not said where to write the card of pi-2 to\nNo disk can take a card now\.\nNot to:\n/,
  );
  t.regex(error.message, /this machine runs from it/);
  t.regex(error.message, /on it: the card of pi-1 in site barn, generation 1\n {6}- is the card of pi-1/);
  t.regex(error.message, /\n {2}Next: npm run flash -- barn pi-2 --to <one of these, or a file>$/);
});

test("a disk that can't be read is listed with its reason, and the others all the same", async (t) => {
  const readStamp = () => Promise.reject(new UserError({ what: "can't be read (EIO)", where: "/dev/sdb", next: "x" }));
  await t.throwsAsync(run(["barn", "pi-2"], fakeMachine([machine], { change: { readStamp } })), {
    instanceOf: UserError,
    message: /on it: bootfs vfat, rootfs ext4\n {6}- can't be read \(EIO\)/,
  });
});

test("an empty reader is told", async (t) => {
  await t.throwsAsync(run(toReader, fakeMachine([{ devices: [emptyReader] }])), {
    instanceOf: UserError,
    message: /has no medium\n {2}Next: insert the card of pi-2/,
  });
});

test("a new file is written to, and one that is no card only with --replace", async (t) => {
  const card = join(directory, "pi-2.img");
  const fake = fakeMachine([{ devices: [] }]);
  const args = ["barn", "pi-2", "--to", card, "--yes"];
  await run(args, fake);
  t.deepEqual(fake.written, [{ node: "pi-2", to: card }]);
  t.regex(fake.terminal.text(), /Next: copy it to a card/);

  writeFileSync(card, "a letter to my aunt");
  await t.throwsAsync(run(args, fake), {
    instanceOf: UserError,
    message: /is there already, and is no card of Bramble's/,
  });
  t.is(fake.written.length, 1);
  await run([...args, "--replace"], fake);
  t.is(fake.written.length, 2);

  const other = fakeMachine([{ devices: [], stamp: stampOf("pi-1") }]);
  await other.readDisks();
  await t.throwsAsync(run(args, other), { instanceOf: UserError, message: /is the card of pi-1 in site barn/ });
  const same = fakeMachine([{ devices: [], stamp: stampOf("pi-2", { generation: 2 }) }]);
  await same.readDisks();
  await run(args, same);
  t.is(same.written.length, 1);
});

test("a folder is no card", async (t) => {
  await t.throwsAsync(run(["barn", "pi-2", "--to", directory], fakeMachine([machine])), {
    instanceOf: UserError,
    message: /is neither a disk nor a file/,
  });
});

test("nodes that the site does not have, and adopted ones, have no card", async (t) => {
  await t.throwsAsync(run(["barn", "pi-9", "--to", reader], fakeMachine([machine])), {
    instanceOf: UserError,
    message: /^Pulumi\.barn\.yaml: site barn has no node pi-9\n {2}Next: name one of pi-1, pi-2$/,
  });
  await t.throwsAsync(run(["barn", "constructor", "--to", reader], fakeMachine([machine])), { message: /has no node/ });
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  const adopted = {
    ...site,
    nodes: { ...site.nodes, "pi-2": exampleNode({ role: "agent", address: "192.168.7.12", hostKey }) },
  };
  await t.throwsAsync(run(toReader, fakeMachine([machine], { site: adopted })), {
    instanceOf: UserError,
    message: /pi-2 was adopted/,
  });
});

for (const args of [[], ["barn"], ["barn", "pi-1", "pi-2"], ["barn", "pi-1", "--all"], ["--all"]])
  test(`wrong arguments: ${args.join(" ")}`, async (t) => {
    await t.throwsAsync(run(args, fakeMachine([machine])), { instanceOf: UserError, message: /--help/ });
  });

test("--help is the usage", async (t) => {
  const fake = fakeMachine([machine]);
  await run(["--help"], fake);
  t.regex(fake.terminal.text(), /^Usage: npm run flash -- <stack> <node> --to/);
});

test("elsewhere than on Linux, it says so", async (t) => {
  await t.throwsAsync(run(toReader, fakeMachine([machine], { change: { platform: "darwin" } })), {
    instanceOf: UserError,
    message: /^darwin: cards are written on Linux only/,
  });
});

test("a card that was written stays written where that can't be noted", async (t) => {
  const recordWrittenCard = () => Promise.reject(new Error("EACCES: permission denied"));
  const fake = fakeMachine([machine], { change: { recordWrittenCard } });
  await run([...toReader, "--yes"], fake);
  t.regex(fake.terminal.text(), /card written and read back.*\n {2}That it was written now could not be noted: EACCES/);
});

test("a card that could not be written is not said to be, nor noted", async (t) => {
  const writeCard = () => Promise.reject(new UserError({ what: "reads back other bytes", where: reader, next: "x" }));
  const fake = fakeMachine([machine], { change: { writeCard } });
  await t.throwsAsync(run([...toReader, "--yes"], fake), { message: /other bytes/ });
  t.deepEqual(fake.recorded, []);
  t.notRegex(fake.terminal.text(), /card written/);
});

test("no secret is shown", async (t) => {
  const fake = fakeMachine([machine], { answers: ["pi-2\n"] });
  await run(toReader, fake);
  t.false(fake.terminal.text().includes(exampleRootSecret));
  t.notRegex(fake.terminal.text(), /PRIVATE KEY/);
});
