import { execFileSync } from "node:child_process";
import { chmod, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { verifySeal } from "../../../../scripts/lib/results/seal.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { emptyResults, sealSynthetic, syntheticPlan } from "./synthetic-run.ts";

async function sealed(t: ExecutionContext): Promise<string> {
  const layout = await emptyResults(t);
  return layout.sealed("one", await sealSynthetic(layout, "one", syntheticPlan({ blocks: 2 })));
}

const files = ["SHA256SUMS", "manifest.json", "raw/block-0.ndjson", "raw/block-1.ndjson"];

test("a sealed run is read-only and passes its own and sha256sum's check", async (t) => {
  const directory = await sealed(t);
  for (const file of files) t.is((await stat(join(directory, file))).mode & 0o777, 0o444, file);
  for (const folder of [".", "raw"]) t.is((await stat(join(directory, folder))).mode & 0o777, 0o555, folder);
  await t.notThrowsAsync(verifySeal(directory, "one"));
  t.notThrows(() => execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: directory }));
});

for (const file of files)
  test(`a flipped bit in ${file} is found, and a file named`, async (t) => {
    const directory = await sealed(t);
    const path = join(directory, file);
    const original = await readFile(path);
    await chmod(path, 0o644);
    for (const share of [0, 0.25, 0.5, 0.9]) {
      const content = Buffer.from(original);
      const at = Math.floor(share * content.length);
      content.writeUInt8(content.readUInt8(at) ^ 4, at);
      await writeFile(path, content);
      const error = await t.throwsAsync(verifySeal(directory, "results/one/x"), { instanceOf: UserError });
      if (file !== "SHA256SUMS") t.true(error.message.startsWith(`results/one/x: ${file} was changed`), error.message);
    }
  });

test("a missing and an added file are found", async (t) => {
  const directory = await sealed(t);
  await chmod(join(directory, "raw"), 0o755);
  await writeFile(join(directory, "raw", "block-2.ndjson"), "");
  await t.throwsAsync(verifySeal(directory, "one"), { message: /raw\/block-2.ndjson was added/ });
  await unlink(join(directory, "raw", "block-2.ndjson"));
  await unlink(join(directory, "raw", "block-1.ndjson"));
  await t.throwsAsync(verifySeal(directory, "one"), { message: /raw\/block-1.ndjson is missing/ });
});
