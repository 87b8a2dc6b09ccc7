import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { KnownBlocks } from "../../../../scripts/lib/backup/known-blocks.ts";
import { blockSize } from "../../../../scripts/lib/backup/server-files.ts";
import { bytesOf, sha256 } from "./example-backup.ts";

test("knows the blocks of files by what is in them, the last and shorter one too", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "bramble-blocks-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const bytes = bytesOf("file", 2 * blockSize + 100);
  await writeFile(join(directory, "file"), bytes);
  const known = new KnownBlocks();
  await known.addFile(join(directory, "file"));
  await known.addFile(join(directory, "no-such-file"));
  for (const block of [bytes.subarray(blockSize, 2 * blockSize), bytes.subarray(2 * blockSize)])
    t.deepEqual(await known.read(sha256(block)), block);
  t.false(known.has(sha256(bytes.subarray(1, blockSize + 1))));
  await t.throwsAsync(known.read(sha256("else")), { message: /no block/ });
});
