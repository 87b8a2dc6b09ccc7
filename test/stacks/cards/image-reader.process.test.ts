import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { openImage } from "../../../stacks/cards/image-reader.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { testWithTools } from "../../with-tools.ts";

const directory = mkdtempSync(join(tmpdir(), "bramble-reader-"));
test.after.always(() => {
  rmSync(directory, { recursive: true });
});

const compressors = [
  ["xz", ["xz", "-0"]],
  ["zstd", ["zstd", "-q", "-1"]],
  ["gzip", ["gzip", "-1"]],
] as const;

function packed(command: readonly string[], bytes: Uint8Array): Buffer {
  const [program = "", ...options] = command;
  return execFileSync(program, [...options, "--stdout"], { input: bytes, maxBuffer: 1 << 27, stdio: "pipe" });
}

/** Bytes that compress a little, and of which no two parts are equal. */
function example(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

/** What is read, in pieces of this length. */
async function readAll(path: string, piece = 1 << 20): Promise<Buffer> {
  const reader = await openImage(path);
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const buffer = Buffer.alloc(piece);
      const length = await reader.read(buffer);
      pieces.push(buffer.subarray(0, length));
      if (length < piece) return Buffer.concat(pieces);
    }
  } finally {
    await reader.close();
  }
}

function write(name: string, ...parts: Uint8Array[]): string {
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

const image = example(3_500_000);

test("a plain image is read as it is, whatever its name, and its size is known before", async (t) => {
  const path = write("plain.img.xz", image);
  t.true((await readAll(path)).equals(image));
  const reader = await openImage(path);
  t.is(reader.size, image.length);
  await reader.close();
  t.is((await readAll(write("empty", Buffer.alloc(0)))).length, 0);
});

for (const [name, command] of compressors) {
  testWithTools([command[0]], `${name}: read to the end, in pieces of any length, and closed before`, async (t) => {
    const path = write(`${name}.img`, packed(command, image));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1000, max: 2_000_000 }), async (piece) => {
        t.true((await readAll(path, piece)).equals(image));
      }),
      { numRuns: 5 },
    );
    const reader = await openImage(path);
    t.is(reader.size, undefined);
    t.is(await reader.read(Buffer.alloc(10)), 10);
    await reader.close();
  });

  testWithTools([command[0]], `${name}: a file that is cut short or damaged is refused`, async (t) => {
    const whole = packed(command, image);
    const half = Math.floor(whole.length / 2);
    const damaged = Buffer.concat([whole.subarray(0, half), Buffer.alloc(2000, 0x5a), whole.subarray(half + 2000)]);
    for (const [title, bytes] of [
      ["half", whole.subarray(0, half)],
      ["almost", whole.subarray(0, -3)],
      ["damaged", damaged],
    ] as const)
      await t.throwsAsync(readAll(write(`${name}.${title}`, bytes)), {
        instanceOf: UserError,
        message: /can't be decompressed: .*\n {2}Next: download it again/,
      });
  });
}

testWithTools(
  ["xz", "gzip"],
  "files of several parts are read whole; of zstd's, which Node would cut, they are refused",
  async (t) => {
    const twice = Buffer.concat([image, image]);
    for (const [name, command] of compressors) {
      const part = packed(command, image);
      const path = write(`${name}.parts`, part, part);
      if (name === "zstd") await t.throwsAsync(readAll(path), { instanceOf: UserError, message: /first frame ends/ });
      else t.true((await readAll(path)).equals(twice), name);
    }
    // Small enough to come in one piece, where Node says nothing at all.
    const small = packed(["zstd", "-q"], example(100));
    await t.throwsAsync(readAll(write("small", small, small)), { instanceOf: UserError, message: /first frame ends/ });
  },
);

test("what is no file is refused", async (t) => {
  for (const path of [join(directory, "none"), directory])
    await t.throwsAsync(openImage(path), { instanceOf: UserError, message: /can't be read/ });
});

testWithTools(["xz"], "without xz, it says what to install", (t) => {
  const path = write("no-xz", packed(["xz", "-0"], image));
  const program = `
    import { openImage } from ${JSON.stringify(join(import.meta.dirname, "../../../stacks/cards/image-reader.ts"))};
    const reader = await openImage(${JSON.stringify(path)});
    await reader.read(Buffer.alloc(10)).catch((error) => { console.log(error.name, error.message); });
    await reader.close();`;
  const file = join(directory, "no-xz.ts");
  writeFileSync(file, program);
  // The system's own folders are looked into as well, so the command found there is one that is missing for this run.
  const found = execFileSync(process.execPath, [file], { env: { PATH: "/nowhere" }, encoding: "utf8" });
  t.regex(found, /xz is missing\n.*apt-get install xz-utils/);
  t.true(readFileSync(path).length > 0);
});
