import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { formatStamp, stampPath } from "../../../stacks/cards/stamp.ts";
import { readStamp, writeCard } from "../../../stacks/cards/write-card.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleContent as content, localImage } from "./example-card.ts";
import {
  bootRecord,
  fillRootPartition,
  makeExampleImage,
  raspberryPiOs,
  readFromImage,
  rootPartition,
} from "./example-image.ts";
import { testWithLoopDevice } from "./loop-device.ts";

const tools = ["mcopy", "mkfs.vfat", "fsck.vfat"];
const imageSize = (rootPartition.start + rootPartition.count) * 512;
const { stamp } = content;

const directory = mkdtempSync(join(tmpdir(), "bramble-card-"));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A folder of a test's own, with a base image in it. */
function place(name: string, files = raspberryPiOs) {
  const folder = join(directory, name);
  mkdirSync(folder);
  const path = join(folder, "base.img");
  makeExampleImage(path, files);
  fillRootPartition(path, 12);
  return { folder, image: localImage(path, imageSize), card: join(folder, "pi-2.img") };
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Writes the card in a process of its own. @param commands a folder that comes first on its PATH */
function writer(image: string, to: string, options: { death?: [string, number]; commands?: string } = {}) {
  const { death, commands } = options;
  const args = [join(import.meta.dirname, "write-example-card.ts"), image, String(imageSize), to, ...(death ?? [])];
  const PATH = `${commands === undefined ? "" : `${commands}:`}${process.env.PATH ?? ""}`;
  return spawn(process.execPath, args.map(String), {
    env: { ...process.env, PATH },
    stdio: ["ignore", "inherit", "pipe"],
  });
}

async function end(child: ReturnType<typeof writer>) {
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, errors };
}

/** A folder with commands in place of the real ones; `$real` is the real one's path. */
function fakeCommands(folder: string, scripts: Readonly<Record<string, string>>): string {
  const commands = join(folder, "commands");
  mkdirSync(commands, { recursive: true });
  const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
  for (const [name, script] of Object.entries(scripts)) {
    const real = execFileSync("sh", ["-c", `command -v ${name}`], { env: { PATH }, encoding: "utf8" }).trim();
    writeFileSync(join(commands, name), `#!/bin/sh\nreal=${real}\n${script}\n`, { mode: 0o755 });
  }
  return commands;
}

testWithTools(tools, "a card is the image with files, edits and stamp, and nothing else changed", async (t) => {
  const { folder, image, card } = place("whole");
  const before = digest(image.path);
  const steps: [string, number][] = [];
  await writeCard({
    image,
    content,
    to: card,
    progress: (step, done, total) => {
      t.is(total, imageSize);
      steps.push([step, done]);
    },
  });
  for (const [name, text] of Object.entries(content.files)) t.is(readFromImage(card, name), text);
  t.is(
    readFromImage(card, "cmdline.txt"),
    content.edits["cmdline.txt"]?.(raspberryPiOs["cmdline.txt"] ?? "") ?? "",
    "the command line is the image's, edited",
  );
  t.is(readFromImage(card, stampPath), formatStamp(stamp));
  t.deepEqual(await readStamp(card), stamp);
  t.is(digest(image.path), before);
  t.is(statSync(card).mode & 0o777, 0o600);
  t.is(statSync(card).size, imageSize);
  t.true(statSync(card).blocks * 512 < 30e6, "the card is sparse");
  t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img"]);
  const afterFirst = rootPartition.start * 512;
  t.true(readFileSync(card).subarray(afterFirst).equals(readFileSync(image.path).subarray(afterFirst)));
  t.true(
    readFileSync(card)
      .subarray(0, 1 << 20)
      .equals(readFileSync(image.path).subarray(0, 1 << 20)),
  );
  t.deepEqual(steps.at(-1), ["verify", imageSize]);
  t.true(steps.some(([step, done]) => step === "write" && done === imageSize));
});

testWithTools(tools, "the same card written later is equal, byte for byte, and replaces another", async (t) => {
  const { folder, image, card } = place("twice");
  await writeCard({ image, content, to: card });
  await setTimeout(2100); // FAT keeps times in steps of two seconds
  const again = join(folder, "again.img");
  writeFileSync(again, "another card");
  const link = join(folder, "link.img");
  symlinkSync(again, link);
  await writeCard({ image, content, to: link });
  t.is(digest(again), digest(card));
});

for (const [name, compress] of [
  ["xz", ["xz", "-0"]],
  ["zstd", ["zstd", "-q", "-1"]],
  ["gzip", ["gzip", "-1"]],
] as const)
  testWithTools(
    [...tools, compress[0]],
    `a card from an image in ${name} equals one from the plain image`,
    async (t) => {
      const { folder, image, card } = place(name);
      await writeCard({ image, content, to: card });
      const packed = join(folder, "base.packed");
      execFileSync("sh", ["-c", `${compress.join(" ")} < "$1" > "$2"`, "sh", image.path, packed]);
      const other = join(folder, "other.img");
      await writeCard({ image: localImage(packed, imageSize), content, to: other });
      t.is(digest(other), digest(card));
    },
  );

/** Has a writer die in many places, each time on what the one before left. */
async function dieInManyPlaces(t: ExecutionContext, folder: string, image: string, to: string): Promise<void> {
  const isDevice = existsSync(to);
  const half = (): string => {
    const left = readdirSync(folder).find((name) => name.startsWith(`${basename(to)}.partial-`));
    return left === undefined ? to : join(folder, left, "card.img");
  };
  const die = async (where: string, child: ReturnType<typeof writer>, mayBeWhole = false) => {
    const { signal, errors } = await end(child);
    t.is(signal, "SIGKILL", `${where}: ${errors}`);
    if (!isDevice) t.false(existsSync(to), where);
    if (!mayBeWhole) t.is(await readStamp(half()), undefined, where);
  };
  // In place of a command that works on the finished image, the writer's end: the one whose turn is in `deadly`.
  const [count, deadly] = [join(folder, "count"), join(folder, "deadly")];
  const fatal = `n=$(($(cat ${count}) + 1)); echo $n > ${count}
[ $n -lt "$(cat ${deadly})" ] || { kill -9 $PPID; exit 1; }
exec $real "$@"`;
  const commands = fakeCommands(folder, { mcopy: fatal, mtype: fatal, "fsck.vfat": fatal, dd: fatal });
  const countFrom0 = (end: number) => {
    writeFileSync(count, "0");
    writeFileSync(deadly, String(end));
  };
  countFrom0(1000);
  t.is((await end(writer(image, to, { commands }))).code, 0);
  t.deepEqual(await readStamp(to), stamp, "a whole card, to be written over");
  const calls = Number(readFileSync(count, "utf8"));
  if (!isDevice) rmSync(to);

  const bytes = [randomInt(imageSize), imageSize];
  for (const step of ["write", "verify"])
    for (const at of bytes) await die(`byte ${at} of ${step}`, writer(image, to, { death: [step, at] }));
  const places = [1, 3, 8, calls - 3, calls - 2, calls - 1, calls];
  for (const call of places) {
    countFrom0(call);
    // Before the last command the partition table is back: all else was read back by then.
    await die(`command ${call} of ${calls}`, writer(image, to, { commands }), call === calls);
  }
}

async function digestOfStart(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { end: imageSize - 1 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

testWithTools(
  tools,
  "a writer that is killed anywhere leaves no half card, and what it leaves goes with the next one",
  async (t) => {
    t.timeout(300_000); // It takes 25 s, and many times that on a machine that is busy.
    const { folder, image, card } = place("killed");
    const others = `${card}.partial-${process.pid}-abcdef`; // of a process that runs
    await dieInManyPlaces(t, folder, image.path, card);
    mkdirSync(others);
    await writeCard({ image, content, to: card });
    t.deepEqual(await readStamp(card), stamp);
    t.deepEqual(
      readdirSync(folder)
        .filter((name) => name.startsWith("pi-2"))
        .sort(),
      ["pi-2.img", basename(others)],
    );
  },
);

testWithLoopDevice(
  tools,
  "a device is written like a file, and killed anywhere it has no stamp until all is written again",
  { file: join(directory, "device"), size: imageSize + (5 << 20) },
  async (t, device) => {
    t.timeout(300_000); // It takes 25 s, and many times that on a machine that is busy.
    const { folder, image, card } = place("device-place");
    await writeCard({ image, content, to: card });
    writeFileSync(device, Buffer.alloc(3 << 20, 0xff), { flag: "r+" }); // what was on the card before
    t.is(await readStamp(device), undefined);
    const link = join(folder, "by-id");
    symlinkSync(device, link);
    await writeCard({ image, content, to: link });
    t.deepEqual(await readStamp(link), stamp);
    t.is(await digestOfStart(device), digest(card));
    await dieInManyPlaces(t, folder, image.path, device);
    await writeCard({ image, content, to: device });
    t.is(await digestOfStart(device), digest(card));
    t.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith(`bramble-${basename(device)}.partial-`)),
      [],
    );
  },
);

testWithLoopDevice(
  tools,
  "a device that is too small or in use is not written to",
  { file: join(directory, "small"), size: imageSize - 512 },
  async (t, device) => {
    const { image } = place("small-place");
    await t.throwsAsync(writeCard({ image, content, to: device }), { instanceOf: UserError, message: /has \d+ bytes/ });
    const claimed = await claim(device);
    try {
      await t.throwsAsync(writeCard({ image, content, to: device }), { instanceOf: UserError, message: /is in use/ });
    } finally {
      closeSync(claimed);
    }
    t.true(readFileSync(device).every((byte) => byte === 0));
  },
);

/** Claims a device for itself. What looks at new devices on this machine may hold it for a moment. */
async function claim(device: string): Promise<number> {
  for (let attempts = 50; ; attempts--)
    try {
      return openSync(device, constants.O_RDWR | constants.O_EXCL);
    } catch (error) {
      if (attempts === 0 || (error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      await setTimeout(100);
    }
}

/** A dd that, in the given one of the calls that drop the cache, first changes a byte of what lies on the disk. */
function alteringDd(call: number, position: number): string {
  return `case "$*" in *nocache*)
  n=$(($(cat "$0.count" 2>/dev/null || echo 0) + 1)); echo $n > "$0.count"
  [ $n -ne ${call} ] || printf '\\200' | $real "\${1}" bs=1 seek=${position} conv=notrunc,fsync status=none;;
esac
exec $real "$@"`;
}

for (const [what, call, position, message] of [
  [
    "in a part that was written",
    1,
    rootPartition.start * 512 + 5_000_001,
    /reads back other bytes .* near byte 47185920/,
  ],
  ["in the partition table", 4, 446 + 8, /reads back other bytes .* near byte 0/],
] as const)
  testWithTools(tools, `a byte that lies otherwise on the disk is noticed: ${what}`, async (t) => {
    const { folder, image, card } = place(`altered-${call}-${position}`);
    const commands = fakeCommands(folder, { dd: alteringDd(call, position) });
    const { code, errors } = await end(writer(image.path, card, { commands }));
    t.is(code, 1);
    t.regex(errors, message);
    t.false(existsSync(card));
  });

testWithTools(tools, "a boot file that lies otherwise on the disk is noticed", async (t) => {
  for (const [call, name] of [
    [2, "user-data"],
    [3, stampPath],
  ] as const) {
    const { folder, image, card } = place(`altered-${name}`);
    await writeCard({ image, content, to: card });
    const text = name === stampPath ? formatStamp(stamp) : (content.files[name] ?? "");
    const position = readFileSync(card).indexOf(text);
    t.true(position > 0);
    rmSync(card);
    const commands = fakeCommands(folder, { dd: alteringDd(call, position + 3) });
    const { code, errors } = await end(writer(image.path, card, { commands }));
    t.is(code, 1);
    t.regex(errors, new RegExp(`${name} reads back differently`));
    t.false(existsSync(card));
  }
});

testWithTools(
  [...tools, "fincore"],
  "reading back comes from the disk: nothing of the file is cached before",
  async (t) => {
    const { folder, image, card } = place("forgotten");
    const report = `case "$*" in *nocache*) $real "$@"; fincore --bytes --noheadings --output RES "\${1#of=}" >> ${folder}/cached; exit;; esac
exec $real "$@"`;
    const { code, errors } = await end(writer(image.path, card, { commands: fakeCommands(folder, { dd: report }) }));
    t.is(code, 0, errors);
    t.regex(readFileSync(join(folder, "cached"), "utf8"), /^(\s*0\n){4}$/);
  },
);

testWithTools(tools, "an aborted writer stops, and leaves the old card and no half of a new one", async (t) => {
  const { folder, image, card } = place("aborted");
  writeFileSync(card, "the old card");
  const controller = new AbortController();
  const reason = new Error("stopped");
  await t.throwsAsync(
    writeCard({
      image,
      content,
      to: card,
      progress: (_, done) => {
        if (done > imageSize / 2) controller.abort(reason);
      },
      signal: controller.signal,
    }),
    { is: reason },
  );
  t.is(readFileSync(card, "utf8"), "the old card");
  t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img"]);
});

testWithTools(tools, "a failure leaves the old card as it was, and no half of a new one", async (t) => {
  const { folder, image, card } = place("failure", { "config.txt": "arm_64bit=1\n" });
  writeFileSync(card, "the old card");
  await t.throwsAsync(writeCard({ image, content, to: card }), {
    instanceOf: UserError,
    message: /has no cmdline.txt/,
  });
  t.is(readFileSync(card, "utf8"), "the old card");
  t.deepEqual(readdirSync(folder).sort(), ["base.img", "pi-2.img"]);
});

testWithTools(tools, "a boot partition that is damaged is refused", async (t) => {
  const { image, card, folder } = place("damaged");
  const damaged = join(folder, "damaged.img");
  copyFileSync(image.path, damaged);
  // Another second copy of the file allocation table: what half-finished FAT writers leave behind.
  const sectorsInTable = readFileSync(image.path).readUInt32LE(8192 * 512 + 36);
  const file = readFileSync(damaged);
  file.writeUInt32LE(0x0ffffff8, (8192 + 32 + sectorsInTable) * 512 + 4 * 1000);
  writeFileSync(damaged, file);
  await t.throwsAsync(writeCard({ image: localImage(damaged, imageSize), content, to: card }), {
    instanceOf: UserError,
    message: /boot partition/,
  });
  t.false(readdirSync(folder).includes("pi-2.img"));
});

testWithTools(tools, "an image that is longer or shorter than it was when it was looked into is refused", async (t) => {
  const { image, card } = place("changed");
  for (const size of [imageSize - 4096, imageSize + (3 << 20)])
    await t.throwsAsync(writeCard({ image: localImage(image.path, size), content, to: card }), {
      instanceOf: UserError,
      message: /was changed while it was read|ends within/,
    });
  t.false(existsSync(card));
});

testWithTools([...tools, "unshare"], "a disk without room for the card is a person's error", (t) => {
  const { folder, image } = place("full");
  const script = `mount -t tmpfs -o size=6m none "$1" && cd "$1" && exec "$2" "$3" "$4" "$5" "$1/card.img"`;
  const rights = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const program = [process.execPath, join(import.meta.dirname, "write-example-card.ts"), image.path, String(imageSize)];
  const enter = [...rights, "--mount", "sh", "-c"];
  if (spawnSync("unshare", [...enter, "mount -t tmpfs none /mnt"]).status !== 0) {
    t.log("skipped: no mount namespaces for this user");
    t.pass();
    return;
  }
  const { status, stderr } = spawnSync("unshare", [...enter, script, "sh", disk, ...program], { encoding: "utf8" });
  t.is(status, 1, stderr);
  t.regex(stderr, /has no room for a card \(ENOSPC\)\n {2}Next: free space/);
});

test("files that are no disk images for a Raspberry Pi are refused", async (t) => {
  const folder = join(directory, "no-images");
  mkdirSync(folder);
  const attempt = async (name: string, bytes: Uint8Array | string, message: RegExp) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const image = localImage(path, bytes.length);
    await t.throwsAsync(writeCard({ image, content, to: join(folder, "card.img") }), {
      instanceOf: UserError,
      message,
    });
  };
  await attempt("empty.img", "", /no FAT boot partition/);
  await attempt("text.img", "not an image\n".repeat(100), /no FAT boot partition/);
  await attempt("gpt.img", bootRecord([{ type: 0xee, start: 1, count: 2048 }]), /no FAT boot partition/);
  await attempt("cut.img", bootRecord([{ type: 0x0c, start: 8192, count: 2048 }]), /ends within/);
  await attempt("early.img", bootRecord([{ type: 0x0c, start: 63, count: 20 }]), /boot partition at byte 32256/);
  const image = localImage(join(folder, "none.img"), imageSize);
  await t.throwsAsync(writeCard({ image, content, to: join(folder, "card.img") }), {
    instanceOf: UserError,
    message: /can't be read/,
  });
  t.false(readdirSync(folder).includes("card.img"));
});

testWithTools(tools, "a card is written to a file or a block device, and to nothing else", async (t) => {
  const { image } = place("kinds");
  const attempt = async (to: string, message: RegExp) => {
    await t.throwsAsync(writeCard({ image, content, to }), { instanceOf: UserError, message });
  };
  await attempt(directory, /is neither a file nor a block device/);
  await attempt("/dev/null", /is neither a file nor a block device/);
  await attempt("/dev/bramble-no-such-card", /is not there/);
  t.false(existsSync("/dev/bramble-no-such-card"));
});

testWithTools(tools, "a card without a stamp, or no card, has no stamp", async (t) => {
  const { folder, image } = place("no-stamp", { "cmdline.txt": "quiet\n", [stampPath]: "{}" });
  t.is(await readStamp(image.path), undefined);
  t.is(await readStamp(join(folder, "none.img")), undefined);
  const unformatted = join(folder, "unformatted.img");
  const file = openSync(unformatted, "w");
  writeSync(file, bootRecord([{ type: 0x0c, start: 2048, count: 2048 }]));
  writeSync(file, Buffer.alloc(512), 0, 512, 4096 * 512);
  closeSync(file);
  t.is(await readStamp(unformatted), undefined);
  await t.throwsAsync(readStamp(folder), { instanceOf: UserError, message: /can't be read/ });
});
