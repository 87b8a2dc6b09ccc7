import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parse } from "yaml";
import { renderSeed } from "../../../stacks/cards/seed.ts";
import { describeScrub, scrubPayload } from "../../../stacks/cards/scrub-report.ts";
import { secretsOnCard } from "../../../stacks/cards/scrub.ts";
import { networkConfigStub, userDataStub } from "../../../stacks/cards/seed/stubs.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { runHere } from "../remote/run-python.ts";
import { goldenCard } from "./golden-cards.ts";

const card = goldenCard("raspberry-pi-os/wifi");
const seed = renderSeed(card);
const secrets = secretsOnCard(card);
const base64 = (text: string) =>
  (
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  ).join("\n");

/** A file's text without the line ends that fill it up to its old length. */
const contentOf = (path: string) => readFileSync(path, "utf8").replace(/\n+$/, "\n");

/** What lies on a node after its first boot, in a directory: cloud-init 22.4's files, and some of 25's. */
function makeNode(t: ExecutionContext, boot?: string) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-scrub-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const at = { boot: boot ?? join(directory, "boot"), cloud: join(directory, "cloud"), run: join(directory, "run") };
  const instance = join(at.cloud, "instances", "barn-pi-2-3");
  const log = join(directory, "cloud-init.log");
  const files: Record<string, string | Buffer> = {
    ...Object.fromEntries(Object.entries(seed).map(([name, text]) => [join(at.boot, name), text])),
    [join(at.boot, "config.txt")]: "[all]\n",
    [join(instance, "user-data.txt")]: seed["user-data"],
    [join(instance, "user-data.txt.i")]: `MIME-Version: 1.0\n\n${base64(seed["user-data"])}\n`,
    [join(instance, "cloud-config.txt")]: JSON.stringify(parse(seed["user-data"])),
    [join(instance, "network-config.json")]: JSON.stringify(parse(seed["network-config"])),
    [join(instance, "obj.pkl")]: Buffer.concat([Buffer.from([0x80, 4]), Buffer.from(JSON.stringify(seed))]),
    [join(instance, "scripts", "runcmd")]: "#!/bin/sh\nsync\n",
    [join(instance, "sem", "config_ssh")]: "123",
    [join(instance, "boot-finished")]: "now",
    [join(instance, "datasource")]: "DataSourceNoCloud",
    [join(at.cloud, "data", "instance-id")]: "barn-pi-2-3",
    [join(at.run, "result.json")]: "{}",
    [join(at.run, "instance-data.json")]: "{}",
    [join(at.run, "instance-data-sensitive.json")]: JSON.stringify({ userdata: seed["user-data"] }),
    [join(at.run, "combined-cloud-config.json")]: "{}",
    [log]: `Applying network configuration: {'password': '${secrets.at(-1) ?? ""}'}\nand more\n`,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const payload = {
    ...scrubPayload("pi-2", "barn-pi-2-3", secrets),
    ...at,
    logs: [log, join(directory, "none.log")],
    record: join(directory, "state", "scrubbed.json"),
  };
  return {
    ...at,
    directory,
    instance,
    log,
    payload,
    scrub: (more = {}) => runHere(["cards/scrub.py"], { ...payload, ...more }),
  };
}

test("secrets go, stubs stay, and what tells cloud-init that its steps are done is untouched", async (t) => {
  const { boot, instance, run, log, directory, scrub } = makeNode(t);
  const report = (await scrub()) as { left: string[] };
  t.deepEqual(report.left, []);
  t.is(contentOf(join(boot, "user-data")), userDataStub("pi-2"));
  t.is(contentOf(join(boot, "network-config")), networkConfigStub);
  t.is(readFileSync(join(boot, "meta-data"), "utf8"), seed["meta-data"]);
  t.is(readFileSync(join(boot, "config.txt"), "utf8"), "[all]\n");
  for (const name of ["user-data.txt", "cloud-config.txt"]) t.is(contentOf(join(instance, name)), userDataStub("pi-2"));
  for (const name of ["user-data.txt.i", "network-config.json", "obj.pkl", "scripts/runcmd"])
    t.false(existsSync(join(instance, name)), name);
  for (const name of ["sem/config_ssh", "boot-finished", "datasource"]) t.true(existsSync(join(instance, name)), name);
  t.false(existsSync(join(run, "instance-data-sensitive.json")));
  t.true(existsSync(join(run, "instance-data.json")));
  t.regex(readFileSync(log, "utf8"), /'password': '\*{64}'}\nand more\n$/);
  t.is(spawnSync("grep", ["-rlF", ...secrets.flatMap((secret) => ["-e", secret]), directory]).stdout.toString(), "");
});

test("bytes are overwritten where they lie, before a file is removed", async (t) => {
  const { boot, instance, run, directory, scrub } = makeNode(t);
  const paths = [
    join(boot, "user-data"),
    join(boot, "network-config"),
    ...["user-data.txt", "user-data.txt.i", "cloud-config.txt", "obj.pkl"].map((name) => join(instance, name)),
    join(run, "instance-data-sensitive.json"),
  ];
  // A second name shows what became of the first one's bytes.
  const links = paths.map((path, index) => {
    const link = join(directory, `link-${index}`);
    linkSync(path, link);
    return { path, link, inode: statSync(path).ino };
  });
  await scrub();
  for (const { path, link, inode } of links) {
    if (existsSync(path)) t.is(statSync(path).ino, inode, "not another file under its name");
    const text = readFileSync(link, "latin1");
    t.false(
      secrets.some((secret) => text.includes(secret)),
      path,
    );
  }
});

test("a file keeps its length: what a shorter one would free still held the old bytes", async (t) => {
  const { boot, scrub } = makeNode(t);
  const before = statSync(join(boot, "user-data"));
  await scrub();
  const after = statSync(join(boot, "user-data"));
  t.deepEqual([after.size, after.ino], [before.size, before.ino]);
});

test("run again, it finds that nothing is left to do and writes nothing", async (t) => {
  const { boot, scrub } = makeNode(t);
  await scrub();
  const before = statSync(join(boot, "user-data")).mtimeMs;
  t.deepEqual(await scrub(), { done: "before" });
  t.is(statSync(join(boot, "user-data")).mtimeMs, before);
  t.is(describeScrub("pi-2", { done: "before" }), "pi-2: its secrets are off the card already");
});

test("another card in the same board is scrubbed again", async (t) => {
  const { boot, scrub } = makeNode(t);
  await scrub();
  writeFileSync(join(boot, "user-data"), seed["user-data"]);
  const report = await scrub({ instance: "barn-pi-2-4" });
  t.like(report, { done: "now", left: [] });
  t.true((report as { wiped: string[] }).wiped.includes(join(boot, "user-data")));
});

test("a power cut between any two steps leaves it to the next run", async (t) => {
  const { boot, instance, scrub } = makeNode(t);
  // As it was left: the seed is a stub; the rest is untouched; there is no record.
  writeFileSync(join(boot, "user-data"), `${userDataStub("pi-2")}${"\n".repeat(500)}`);
  const report = (await scrub()) as { left: string[] };
  t.deepEqual(report.left, []);
  t.is(contentOf(join(boot, "user-data")), userDataStub("pi-2"));
  t.false(existsSync(join(instance, "obj.pkl")));
});

test("a Wi-Fi key that the configuration has no more goes too", async (t) => {
  const { boot, log, scrub } = makeNode(t);
  const older = "0123456789abcdef".repeat(4);
  writeFileSync(join(boot, "network-config"), seed["network-config"].replace(/[0-9a-f]{64}/, older));
  writeFileSync(log, `password ${older}\n`);
  t.like(await scrub(), { left: [] });
  t.is(contentOf(join(boot, "network-config")), networkConfigStub);
  t.false(readFileSync(log, "utf8").includes(older));
});

test("a network without a secret stays as it is", async (t) => {
  const { boot, scrub } = makeNode(t);
  const wired = renderSeed(goldenCard("raspberry-pi-os/plain"))["network-config"];
  writeFileSync(join(boot, "network-config"), wired);
  await scrub();
  t.is(readFileSync(join(boot, "network-config"), "utf8"), wired);
});

test("while cloud-init is at work, nothing is touched", async (t) => {
  const { boot, run, scrub } = makeNode(t);
  rmSync(join(run, "result.json"));
  const report = await scrub();
  t.throws(() => describeScrub("pi-2", report), { instanceOf: UserError, message: /still at work/ });
  t.is(readFileSync(join(boot, "user-data"), "utf8"), seed["user-data"]);
});

test("a secret that is left anywhere is a failure, which the next run finds as well", async (t) => {
  const { directory, cloud, scrub } = makeNode(t);
  const device = join(directory, "device");
  writeFileSync(device, "");
  truncateSync(device, 9 << 20);
  t.like(await scrub({ device }), { bytes: 9 << 20, left: [] });

  // Across the border of two readings, and in base64 with lines.
  const places: [string, Buffer][] = [];
  const across = Buffer.alloc(9 << 20);
  across.write(secrets[0] ?? "", (4 << 20) - 20);
  places.push([device, across], [join(cloud, "data", "copy"), Buffer.from(base64(`x ${seed["user-data"]}`))]);
  for (const [path, content] of places) {
    writeFileSync(path, content);
    const payload = { device, instance: "barn-pi-2-4" };
    for (let times = 0; times < 2; times++) {
      const report = await scrub(payload);
      t.like(report, { left: [path] });
      const error = t.throws(() => describeScrub("pi-2", report), { instanceOf: UserError });
      t.true(error.message.includes(path) && !secrets.some((secret) => error.message.includes(secret)));
    }
    writeFileSync(path, "");
  }
});

test("what was done, in one line", (t) => {
  t.is(
    describeScrub("pi-2", {
      done: "now",
      wiped: [
        "/boot/firmware/user-data",
        "/var/lib/cloud/instances/i/user-data.txt",
        "/var/lib/cloud/instances/i/obj.pkl",
      ],
      device: "/dev/mmcblk0p1",
      bytes: 512e6,
      left: [],
    }),
    "pi-2: took its secrets off user-data, user-data.txt, obj.pkl; none is left in 512 MB of /dev/mmcblk0p1 and in cloud-init's files",
  );
});

/** A FAT file system in a file, mounted; undefined where this process may not. */
function mountFat(): { image: string; mountpoint: string; unmount: () => void } | undefined {
  const directory = mkdtempSync(join(tmpdir(), "bramble-fat-"));
  const [image, mountpoint] = [join(directory, "boot.img"), join(directory, "boot")];
  mkdirSync(mountpoint);
  writeFileSync(image, "");
  truncateSync(image, 40 << 20);
  const steps = [
    ["mkfs.vfat", "-F", "32", "-s", "1", image],
    ["mount", "-o", "loop", image, mountpoint],
  ];
  const done = steps.every(
    ([command = "", ...argv]) =>
      spawnSync(command, argv, { env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` } }).status === 0,
  );
  if (done) return { image, mountpoint, unmount };
  rmSync(directory, { recursive: true });
  return undefined;

  function unmount(): void {
    if (spawnSync("mountpoint", ["-q", mountpoint]).status === 0) execFileSync("umount", [mountpoint]);
  }
}

const fat = mountFat();
test.after.always(() => {
  if (fat === undefined) return;
  fat.unmount();
  rmSync(dirname(fat.image), { recursive: true });
});
const title = "no byte of the old seed is left in a FAT file system";
const onFat = fat === undefined ? test.skip : test;
onFat(fat === undefined ? `${title} (skipped: file systems can't be mounted here)` : title, async (t) => {
  if (fat === undefined) return;
  const { image, mountpoint, unmount } = fat;
  const { scrub } = makeNode(t, mountpoint);
  execFileSync("sync", ["-f", mountpoint]);
  const holds = () => secrets.filter((secret) => readFileSync(image).includes(secret)).length;
  t.is(holds(), secrets.length, "the test looks at the right place");
  t.like(await scrub(), { left: [], bytes: 40 << 20 });
  unmount();
  t.is(holds(), 0);
  t.notThrows(() =>
    execFileSync("fsck.vfat", ["-n", image], {
      stdio: "pipe",
      env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
    }),
  );
});
