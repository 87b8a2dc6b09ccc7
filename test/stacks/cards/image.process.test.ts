import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import test from "ava";
import { provideImage } from "../../../stacks/cards/image.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { missingTools, testWithTools } from "../../with-tools.ts";
import { fillRootPartition, makeExampleImage, raspberryPiOs, rootPartition } from "./example-image.ts";

const tools = ["mcopy", "mkfs.vfat", "xz", "zstd", "gzip"];
const imageSize = (rootPartition.start + rootPartition.count) * 512;

const directory = mkdtempSync(join(tmpdir(), "bramble-image-"));
const plain = join(directory, "base.img");
const cache = join(directory, "cache/bramble/images");
test.before(() => {
  if (missingTools(tools).length > 0) return;
  process.env.XDG_CACHE_HOME = join(directory, "cache");
  makeExampleImage(plain, raspberryPiOs);
  fillRootPartition(plain, 3);
});
test.after("no copy of a boot partition is left", (t) => {
  if (missingTools(tools).length > 0) return;
  t.deepEqual(
    readdirSync(cache).filter((name) => name.startsWith("inspection.partial-")),
    [],
  );
});
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function place(name: string): string {
  const folder = join(directory, name);
  mkdirSync(folder);
  return folder;
}

/** Passes that were reported: each begins anew. */
function passes() {
  let count = 0;
  let last = Infinity;
  return {
    progress: (done: number) => {
      if (done < last) count++;
      last = done;
    },
    count: () => count,
  };
}

for (const [name, command] of [
  ["plain", "cat"],
  ["xz", "xz -0"],
  ["zstd", "zstd -q"],
  ["gzip", "gzip -1"],
] as const)
  testWithTools(tools, `an image is checked and looked into: ${name}`, async (t) => {
    const file = join(place(name), "os.img");
    execFileSync("sh", ["-c", `${command} < "$1" > "$2"`, "sh", plain, file]);
    const sha256 = digest(file);
    t.deepEqual(await provideImage({ file, sha256 }), {
      path: file,
      sha256,
      size: imageSize,
      system: "raspberry-pi-os",
    });
  });

testWithTools(tools, "a second time a file is not read again, unless it has changed", async (t) => {
  const file = join(place("remembered"), "os.img");
  copyFileSync(plain, file);
  const sha256 = digest(file);
  await setTimeout(2100); // A change within the same tick of its file system's clock would not show.
  const first = passes();
  const image = await provideImage({ file, sha256 }, first);
  t.is(first.count(), 1, "hashed");
  const second = passes();
  t.deepEqual(await provideImage({ file, sha256 }, second), image);
  t.is(second.count(), 0);
  await t.throwsAsync(provideImage({ file, sha256: "0".repeat(64) }, second), { instanceOf: UserError });
  t.is(second.count(), 0, "its digest is known");

  // Another byte, the same size and, as `touch` would have it, the same time.
  const time = new Date("2025-12-04");
  const bytes = readFileSync(file);
  bytes.writeUInt8(1, imageSize - 1);
  writeFileSync(file, bytes);
  utimesSync(file, time, time);
  await t.throwsAsync(provideImage({ file, sha256 }), { instanceOf: UserError, message: /has another digest/ });
});

testWithTools(tools, "a file that has just changed is used, and not remembered", async (t) => {
  const file = join(place("young"), "os.img");
  copyFileSync(plain, file);
  const sha256 = digest(file);
  const soon = new Date(Date.now() + 3_600_000); // What takes a while here is still young.
  utimesSync(file, soon, soon);
  await provideImage({ file, sha256 });
  const again = passes();
  await provideImage({ file, sha256 }, again);
  t.is(again.count(), 1);
});

test("another digest is refused, naming both, and the file stays", async (t) => {
  const file = join(place("other"), "other.img");
  writeFileSync(file, "abc");
  const error = await t.throwsAsync(provideImage({ file, sha256: "0".repeat(64) }), { instanceOf: UserError });
  t.is(error.where, file);
  t.true(error.message.includes("0".repeat(64)));
  t.true(error.message.includes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")); // FIPS 180-2, B.1
  t.is(readFileSync(file, "utf8"), "abc");
});

test("a missing image is refused", async (t) => {
  const error = await t.throwsAsync(provideImage({ file: join(directory, "none.img"), sha256: "0".repeat(64) }), {
    instanceOf: UserError,
  });
  t.regex(error.message, /can't be read/);
});

testWithTools(tools, "an image that is cut short, though its digest is right, is refused", async (t) => {
  const folder = place("cut");
  for (const [name, bytes, message] of [
    ["cut.img", readFileSync(plain).subarray(0, 6_000_000), /ends within its boot partition/],
    [
      "cut.img.gz",
      execFileSync("gzip", ["-1c", plain], { maxBuffer: 1 << 27 }).subarray(0, 100_000),
      /can't be decompressed/,
    ],
    ["no.img", Buffer.from("PK".repeat(1000)), /no FAT boot partition/],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    await t.throwsAsync(provideImage({ file, sha256: digest(file) }), { instanceOf: UserError, message });
  }
});

testWithTools(tools, "an image of an unknown system is refused", async (t) => {
  const file = join(place("unknown"), "os.img");
  makeExampleImage(file, { "readme.txt": "hello\n" });
  await t.throwsAsync(provideImage({ file, sha256: digest(file) }), { instanceOf: UserError, message: /readme\.txt/i });
});

testWithTools(tools, "reading stops when it is told to", async (t) => {
  const file = join(place("stopped"), "os.img.gz");
  writeFileSync(file, execFileSync("gzip", ["-1c", plain], { maxBuffer: 1 << 27 }));
  const reason = new Error("stopped");
  for (const pass of ["hashing", "looking into it"]) {
    const controller = new AbortController();
    const progress = (_: number, total: number | undefined) => {
      if ((total === undefined) === (pass !== "hashing")) controller.abort(reason);
    };
    const wanted = provideImage({ file, sha256: digest(file) }, { progress, signal: controller.signal });
    await t.throwsAsync(wanted, { is: reason });
  }
});

testWithTools(
  tools,
  "an image by URL is fetched once, kept by its digest, and fetched again when the cache is damaged",
  async (t) => {
    const file = join(place("served"), "os.img.xz");
    writeFileSync(file, execFileSync("xz", ["-0c", plain], { maxBuffer: 1 << 27 }));
    const sha256 = digest(file);
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end(readFileSync(file));
    }).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/os.img.xz`;
      const image = await provideImage({ url, sha256 });
      t.deepEqual(image, { path: join(cache, sha256), sha256, size: imageSize, system: "raspberry-pi-os" });
      t.deepEqual(await provideImage({ url, sha256 }), image);
      t.is(requests, 1);
      writeFileSync(image.path, "rotten");
      t.deepEqual(await provideImage({ url, sha256 }), image);
      t.is(requests, 2);
      t.is(readFileSync(`${image.path}.mismatch`, "utf8"), "rotten");
      t.is(digest(image.path), sha256);
      t.is(basename(image.path), sha256);
    } finally {
      server.close();
    }
  },
);
