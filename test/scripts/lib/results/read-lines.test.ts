import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { readLines } from "../../../../scripts/lib/results/read-lines.ts";

test("hands out every byte once, whatever lines it makes, however long", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "bramble-lines-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, "lines");
  const stretch = fc.oneof(
    fc.constantFrom("\n", "", "\r", "\u2028", "\0\0", "é", "🫐"),
    // Around the size of a piece, and beyond its double.
    fc.integer({ min: -2, max: 2 }).map((more) => "x".repeat((1 << 20) + more)),
    fc.constant("y".repeat(5 << 19)),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(stretch, { maxLength: 8 }), async (stretches) => {
      const bytes = Buffer.from(stretches.join(""));
      await writeFile(file, bytes);
      const hash = createHash("sha256");
      const lines = [...readLines(file, (seen) => hash.update(seen))];
      t.true(lines.join("") === bytes.toString("utf8"));
      t.true(lines.every((line, index) => line.indexOf("\n") === line.length - 1 || index === lines.length - 1));
      t.true(lines.every((line) => !line.slice(0, -1).includes("\n") && line !== ""));
      t.is(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
    }),
    { numRuns: 40 },
  );
});
