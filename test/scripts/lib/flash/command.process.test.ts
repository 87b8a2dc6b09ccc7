import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { readStamp } from "../../../../stacks/cards/write-card.ts";
import { findWrittenCard } from "../../../../stacks/cards/written-cards.ts";
import { makeExampleImage, readFromImage } from "../../../stacks/cards/example-image.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { testWithTools } from "../../../with-tools.ts";

const tools = ["lsblk", "mcopy", "mkfs.vfat", "fsck.vfat"];
const command = join(import.meta.dirname, "flash-command.ts");

const directory = mkdtempSync(join(tmpdir(), "bramble-flash-"));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** What Raspberry Pi OS has on its boot partition, as far as it is looked at. */
const bootFiles = {
  "issue.txt":
    "Raspberry Pi reference 2026-06-18\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, abc, stage2\n",
  "cmdline.txt": "console=tty1 root=PARTUUID=42524d42-02 rootwait\n",
  "config.txt": "arm_64bit=1\n",
  "user-data": "#cloud-config\n",
  "meta-data": "instance_id: rpios-image\n",
  "network-config": "network:\n  version: 2\n",
  "kernel_2712.img": "a kernel",
  "kernel8.img": "a kernel",
};

/** A site's folder with a base image of its own. */
function place(name: string): { folder: string; image: string; card: string } {
  const folder = join(directory, name);
  mkdirSync(join(folder, "by-id"), { recursive: true });
  const image = join(folder, "os.img");
  makeExampleImage(image, bootFiles);
  const site = {
    name: "barn",
    image: { file: image, sha256: createHash("sha256").update(readFileSync(image)).digest("hex") },
    network: { prefix: 24, gateway: "192.168.7.1" },
    nodes: {
      "pi-1": { role: "server", address: "192.168.7.11" },
      "pi-2": { role: "agent", address: "192.168.7.12", generation: 3 },
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  };
  writeFileSync(join(folder, "site.json"), JSON.stringify({ site, rootSecret: exampleRootSecret }));
  return { folder, image, card: join(folder, "pi-2.img") };
}

/** Starts the command; its input is no terminal. */
function start(folder: string, args: readonly string[], path = "") {
  const child = spawn(process.execPath, [command, folder, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      XDG_CACHE_HOME: join(directory, "cache"),
      PATH: [path, process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
    },
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  return { child, output, ended };
}

async function run(t: ExecutionContext, folder: string, args: readonly string[], path?: string) {
  const result = await start(folder, args, path).ended;
  t.false(`${result.stdout}${result.stderr}`.includes(exampleRootSecret), "no secret is shown");
  t.notRegex(`${result.stdout}${result.stderr}`, /PRIVATE KEY/);
  return result;
}

testWithTools(tools, "a card is written to a file, noted, and not written again", async (t) => {
  const { folder, card } = place("file");
  const first = await run(t, folder, ["barn", "pi-2", "--to", card, "--yes"]);
  t.like(first, { code: 0, stderr: "" });
  t.regex(first.stdout, /pi-2: card written and read back: generation 3/);
  const stamp = await readStamp(card);
  t.like(stamp, { site: "barn", node: "pi-2", generation: 3, system: "raspberry-pi-os" });
  t.regex(readFromImage(card, "cmdline.txt"), /cgroup_enable=memory.* ds=nocloud;i=barn-pi-2-3/);
  const note = await findWrittenCard("barn", "pi-2", join(folder, "cards"));
  t.like(note, { generation: 3, digest: stamp?.digest });

  const before = statSync(card, { bigint: true });
  const second = await run(t, folder, ["barn", "pi-2", "--to", card]);
  t.like(second, { code: 0, stderr: "" });
  t.regex(second.stdout, /its card is written already/);
  const after = statSync(card, { bigint: true });
  t.deepEqual([after.ino, after.mtimeNs, after.ctimeNs], [before.ino, before.mtimeNs, before.ctimeNs]);
});

testWithTools(tools, "without a terminal and without --yes, nothing is written", async (t) => {
  const { folder, card } = place("unasked");
  const result = await run(t, folder, ["barn", "pi-2", "--to", card]);
  t.is(result.code, 1);
  t.regex(result.stderr, /has to be confirmed, and there is no terminal to ask on\n {2}Next: .*--yes/);
  t.false(existsSync(card));
});

testWithTools(
  tools,
  "interrupted while it writes, it leaves no card and says so; the next run writes it",
  async (t) => {
    const { folder, card } = place("interrupted");
    // Stops the writer at the check of the finished partition, with the command waiting for it.
    const commands = join(folder, "commands");
    mkdirSync(commands);
    const reached = join(folder, "reached");
    writeFileSync(join(commands, "fsck.vfat"), `#!/bin/sh\n: >${reached}\nexec sleep 60\n`, { mode: 0o755 });
    const { child, ended } = start(folder, ["barn", "pi-2", "--to", card, "--yes"], commands);
    while (!existsSync(reached) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    t.true(existsSync(reached), "the writer came that far");
    child.kill("SIGINT");
    child.kill("SIGINT"); // the second one does not wait for the writer
    const result = await ended;
    t.is(result.code, 130, result.stderr);
    t.notRegex(result.stdout, /card written/);
    t.false(existsSync(card));
    t.is(await findWrittenCard("barn", "pi-2", join(folder, "cards")), undefined);
    t.like(await run(t, folder, ["barn", "pi-2", "--to", card, "--yes"]), { code: 0 });
    t.like(await readStamp(card), { node: "pi-2" });
    t.deepEqual(
      readdirSync(folder).filter((name) => name.includes("partial")),
      [],
      "what the interrupted run left is gone",
    );
  },
);

testWithTools(tools, "interrupted while it waits for a card, it ends cleanly", async (t) => {
  const { folder } = place("waiting");
  const { child, output, ended } = start(folder, ["barn", "--all", "--to", "/dev/disk/by-id/none", "--yes"]);
  child.stdout.on("data", () => {
    if (output.stdout.includes("insert its card")) child.kill("SIGINT");
  });
  const { code, stderr } = await ended;
  t.deepEqual({ code, stderr }, { code: 130, stderr: "interrupted by SIGINT\n" });
});

test("what is wrong with lsblk is said", async (t) => {
  const folder = join(directory, "broken");
  mkdirSync(folder);
  const site = {
    name: "barn",
    image: { file: "os.img", sha256: "a".repeat(64) },
    network: { prefix: 24, gateway: "192.168.7.1" },
    nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "k3s", sha256: "b".repeat(64) } },
  };
  writeFileSync(join(folder, "site.json"), JSON.stringify({ site, rootSecret: exampleRootSecret }));
  for (const [script, message] of [
    ["echo no such column >&2; exit 1", /^lsblk: failed: no such column\n {2}Next: install lsblk/],
    ["echo NAME SIZE", /^lsblk: printed something else than a list of devices/],
  ] as const) {
    writeFileSync(join(folder, "lsblk"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const { code, stderr } = await run(t, folder, ["barn", "pi-1"], folder);
    t.is(code, 1);
    t.regex(stderr, message);
  }
});

/** Why there can be no loop device here. */
function whyNoReader(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  return existsSync("/dev/loop-control") ? undefined : "no loop devices here";
}

/** A test with a card reader: a loop device of 128 MiB with a name in by-id. */
function testWithReader(
  title: string,
  work: (t: ExecutionContext, at: { folder: string; to: string; device: string }) => Promise<void>,
): void {
  const reason = whyNoReader();
  if (reason !== undefined) {
    test.skip(`${title} (skipped: ${reason})`, () => undefined);
    return;
  }
  testWithTools([...tools, "losetup"], title, async (t) => {
    const { folder } = place(title.replaceAll(/\W/g, "-"));
    const file = join(folder, "card");
    writeFileSync(file, "");
    truncateSync(file, 128 * 2 ** 20);
    const flags = ["--find", "--show", "--partscan", file];
    const device = execFileSync("losetup", flags, { encoding: "utf8", stdio: "pipe" }).trim();
    const to = join(folder, "by-id", "usb-Example_Reader-0:0");
    symlinkSync(device, to);
    try {
      await work(t, { folder, to, device });
    } finally {
      execFileSync("losetup", ["--detach", device]);
    }
  });
}

testWithReader(
  "a card is written to a block device by its stable name, once, and kept for its node",
  async (t, { folder, to, device }) => {
    const named = await run(t, folder, ["barn", "pi-2", "--to", device, "--yes"]);
    t.is(named.code, 1);
    t.regex(named.stderr, /is a name that can mean another disk[^]*--to .*usb-Example_Reader/);

    const listed = await run(t, folder, ["barn", "pi-2"]);
    t.is(listed.code, 1);
    t.regex(
      listed.stderr,
      /A card can be written to:\n(?:.*\n)*? {2}.*usb-Example_Reader-0:0\n.*134 MB.*no partitions/,
    );

    const first = await run(t, folder, ["barn", "pi-2", "--to", to, "--yes"]);
    t.like(first, { code: 0, stderr: "" });
    t.like(await readStamp(device), { node: "pi-2", generation: 3 });
    const bytes = readFileSync(join(folder, "card"));

    const second = await run(t, folder, ["barn", "pi-2", "--to", to]);
    t.regex(second.stdout, /its card is written already/);
    const other = await run(t, folder, ["barn", "pi-1", "--to", to, "--yes"]);
    t.is(other.code, 1);
    t.regex(other.stderr, /is the card of pi-2 in site barn \(generation 3\)\n {2}Next: .*--replace/);
    t.true(bytes.equals(readFileSync(join(folder, "card"))), "neither of them wrote");

    t.like(await run(t, folder, ["barn", "pi-1", "--to", to, "--yes", "--replace"]), { code: 0 });
    t.like(await readStamp(device), { node: "pi-1" });
  },
);

testWithReader("a disk that another program holds is not written to", async (t, { folder, to, device }) => {
  // O_EXCL on a block device, as mount(8) and other writers claim it.
  const holder = spawn("python3", [
    "-c",
    `import os,sys; os.open("${device}", os.O_RDWR | os.O_EXCL); print("held", flush=True); sys.stdin.read()`,
  ]);
  await once(holder.stdout, "data");
  const { code, stderr } = await run(t, folder, ["barn", "pi-2", "--to", to, "--yes"]);
  t.is(code, 1);
  t.regex(stderr, /in use/);
  holder.stdin.end();
  await once(holder, "close");
  t.is(await readStamp(device), undefined);
});

testWithReader(
  "--all takes the card that is in the reader, and waits for the next",
  async (t, { folder, to, device }) => {
    const { child, output, ended } = start(folder, ["barn", "--all", "--to", to, "--yes"]);
    child.stdout.on("data", () => {
      if (output.stdout.includes("pi-2: insert its card")) child.kill("SIGTERM");
    });
    const { code, stdout } = await ended;
    t.is(code, 143);
    t.regex(stdout, /pi-1: card written and read back: [^]*Take it out and put it into pi-1\.\npi-2: insert its card/);
    t.like(await readStamp(device), { node: "pi-1" });
  },
);
