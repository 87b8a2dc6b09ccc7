import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import test from "ava";
import { renderSeed } from "../../../stacks/cards/seed.ts";
import { formatStamp, stampOf, stampPath } from "../../../stacks/cards/stamp.ts";
import { readStamp, writeCard } from "../../../stacks/cards/write-card.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { bootRecord, makeExampleImage, readFromImage } from "./example-image.ts";

const tools = ["mcopy", "mkfs.vfat", "fsck.vfat"];
const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const seed = renderSeed(site, "pi-2", keys);
const stamp = stampOf(site, "pi-2", seed);

const directory = mkdtempSync(join(tmpdir(), "bramble-card-"));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A folder of a test's own, with a base image in it. */
function place(
  name: string,
  files: Readonly<Record<string, string>> = { "cmdline.txt": "console=tty1 rootwait\n", "user-data": "old\n" },
) {
  const folder = join(directory, name);
  mkdirSync(folder);
  const image = join(folder, "base.img");
  makeExampleImage(image, files);
  return { folder, image, card: join(folder, "pi-2.img") };
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

testWithTools(tools, "a card is the image with seed, command line and stamp, and nothing else changed", async (t) => {
  const { folder, image, card } = place("whole");
  const before = digest(image);
  await writeCard({ image, seed, stamp, to: card });
  for (const [name, text] of Object.entries(seed.files)) t.is(readFromImage(card, name), text);
  t.is(readFromImage(card, "cmdline.txt"), "console=tty1 rootwait cgroup_enable=memory ds=nocloud;i=barn-pi-2-3\n");
  t.is(readFromImage(card, stampPath), formatStamp(stamp));
  t.deepEqual(await readStamp(card), stamp);
  t.is(digest(image), before);
  t.is(statSync(card).mode & 0o777, 0o600);
  t.is(statSync(card).size, statSync(image).size);
  t.true(statSync(card).blocks * 512 < 16e6, "the card is sparse");
  t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img"]);
});

testWithTools(tools, "the same card written later is equal, byte for byte, and replaces another", async (t) => {
  const { folder, image, card } = place("twice");
  await writeCard({ image, seed, stamp, to: card });
  await setTimeout(2100); // FAT keeps times in steps of two seconds
  const again = join(folder, "again.img");
  writeFileSync(again, "another card");
  await writeCard({ image, seed, stamp, to: again });
  t.notThrows(() => execFileSync("cmp", [card, again], { stdio: "pipe" }));
});

testWithTools(
  tools,
  "a writer that is killed leaves no half card, and what it leaves goes with the next one",
  async (t) => {
    const { folder, image, card } = place("killed");
    const others = `${card}.partial-${process.pid}-abcdef`; // of a process that runs
    mkdirSync(others);
    const code = `
    import { writeCard } from ${JSON.stringify(pathToFileURL(join(root, "stacks/cards/write-card.ts")).href)};
    await writeCard(${JSON.stringify({ image, seed, stamp, to: card })});`;
    // In place of the check of the finished partition, the writer's end.
    const commands = join(directory, "deadly");
    mkdirSync(commands);
    writeFileSync(join(commands, "fsck.vfat"), "#!/bin/sh\nkill -9 $PPID\n", { mode: 0o755 });
    const environment = { ...process.env, PATH: `${commands}:${process.env.PATH ?? ""}` };
    const writer = spawnSync(process.execPath, ["--input-type=module", "-e", code], { env: environment });
    t.is(writer.signal, "SIGKILL", writer.stderr.toString());
    t.true(
      existsSync(join(folder, readdirSync(folder).find((name) => name.includes(`-${writer.pid}-`)) ?? "", "card.img")),
    );
    t.false(existsSync(card));

    await writeCard({ image, seed, stamp, to: card });
    t.deepEqual(await readStamp(card), stamp);
    t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img", basename(others)]);
  },
);

testWithTools(tools, "a failure leaves the old card as it was, and no half of a new one", async (t) => {
  const { folder, image, card } = place("failure", { "config.txt": "arm_64bit=1\n" });
  writeFileSync(card, "the old card");
  await t.throwsAsync(writeCard({ image, seed, stamp, to: card }), {
    instanceOf: UserError,
    message: /has no cmdline.txt/,
  });
  t.is(readFileSync(card, "utf8"), "the old card");
  t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img"]);
});

testWithTools(tools, "a boot partition that is damaged is refused", async (t) => {
  const { image, card, folder } = place("damaged");
  const damaged = join(folder, "damaged.img");
  copyFileSync(image, damaged);
  // Another second copy of the file allocation table: what half-finished FAT writers leave behind.
  const sectorsInTable = readFileSync(image).readUInt32LE(8192 * 512 + 36);
  const file = readFileSync(damaged);
  file.writeUInt32LE(0x0ffffff8, (8192 + 32 + sectorsInTable) * 512 + 4 * 1000);
  writeFileSync(damaged, file);
  await t.throwsAsync(writeCard({ image: damaged, seed, stamp, to: card }), {
    instanceOf: UserError,
    message: /boot partition/,
  });
  t.false(readdirSync(folder).includes("pi-2.img"));
});

test("files that are no disk images for a Raspberry Pi are refused", async (t) => {
  const folder = join(directory, "no-images");
  mkdirSync(folder);
  const attempt = async (name: string, bytes: Uint8Array | string, message: RegExp) => {
    const image = join(folder, name);
    writeFileSync(image, bytes);
    await t.throwsAsync(writeCard({ image, seed, stamp, to: join(folder, "card.img") }), {
      instanceOf: UserError,
      message,
    });
  };
  await attempt("empty.img", "", /no FAT boot partition/);
  await attempt("text.img", "not an image\n".repeat(100), /no FAT boot partition/);
  await attempt("gpt.img", bootRecord([{ type: 0xee, start: 1, count: 2048 }]), /no FAT boot partition/);
  await attempt("cut.img", bootRecord([{ type: 0x0c, start: 8192, count: 2048 }]), /ends within/);
  await t.throwsAsync(writeCard({ image: join(folder, "none.img"), seed, stamp, to: join(folder, "card.img") }), {
    instanceOf: UserError,
    message: /can't be copied/,
  });
  t.false(readdirSync(folder).includes("card.img"));
});

test("a card is written to a file, not over a folder or a device", async (t) => {
  for (const to of [directory, "/dev/null"])
    await t.throwsAsync(writeCard({ image: join(directory, "none.img"), seed, stamp, to }), {
      instanceOf: UserError,
      message: /is no file/,
    });
});

testWithTools(tools, "a card without a stamp, or no card, has no stamp", async (t) => {
  const { folder, image } = place("no-stamp", { "cmdline.txt": "quiet\n", [stampPath]: "{}" });
  t.is(await readStamp(image), undefined);
  t.is(await readStamp(join(folder, "none.img")), undefined);
});
