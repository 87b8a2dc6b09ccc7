import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { writeTar } from "../../twin/tar.ts";

test("the system's tar unpacks what was written, byte by byte", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "tar-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const archive = join(directory, "a.tar");
  const source = join(directory, "source");
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3_000 }),
      fc.constantFrom(0o644, 0o755, 0o4711),
      async (bytes, mode) => {
        writeFileSync(source, bytes);
        const digest = await writeTar(archive, [
          { path: "bin", kind: "directory", mode: 0o1777 },
          { path: "bin/a", kind: "file", mode, content: Buffer.from(bytes) },
          { path: "bin/b", kind: "file", mode, content: { file: source } },
          { path: "bin/c", kind: "symlink", to: "a" },
        ]);
        t.is(digest, createHash("sha256").update(readFileSync(archive)).digest("hex"));
        const content = (path: string) => execFileSync("tar", ["-xOf", archive, path]);
        t.deepEqual(content("bin/a"), Buffer.from(bytes));
        t.deepEqual(content("bin/b"), Buffer.from(bytes));
      },
    ),
    { numRuns: 25 },
  );
});

test("names, kinds, modes, owners and times are what the entries say", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "tar-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const archive = join(directory, "a.tar");
  await writeTar(archive, [
    { path: "tmp", kind: "directory", mode: 0o1777 },
    { path: "tmp/a", kind: "file", mode: 0o755, content: Buffer.from("abc") },
    { path: "tmp/b", kind: "symlink", to: "a" },
  ]);
  const listing = execFileSync("tar", ["--utc", "--full-time", "-tvf", archive], { encoding: "utf8" });
  t.deepEqual(
    listing
      .trim()
      .split("\n")
      .map((line) => line.replace(/\s+/g, " ")),
    [
      "drwxrwxrwt 0/0 0 1970-01-01 00:00:00 tmp/",
      "-rwxr-xr-x 0/0 3 1970-01-01 00:00:00 tmp/a",
      "lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 tmp/b -> a",
    ],
  );
});

test("a path that does not fit a header is refused", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "tar-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  await t.throwsAsync(writeTar(join(directory, "a.tar"), [{ path: "x".repeat(101), kind: "directory", mode: 0o755 }]), {
    message: /too long/,
  });
});
