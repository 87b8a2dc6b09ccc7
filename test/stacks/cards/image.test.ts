import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { checkImage } from "../../../stacks/cards/image.ts";
import { UserError } from "../../../stacks/user-error.ts";

const directory = mkdtempSync(join(tmpdir(), "bramble-image-"));
test.after.always(() => {
  rmSync(directory, { recursive: true });
});

test("an image of the right digest passes, longer than one read", async (t) => {
  const file = join(directory, "right.img");
  const bytes = randomBytes((1 << 20) + 17);
  writeFileSync(file, bytes);
  await t.notThrowsAsync(checkImage(file, createHash("sha256").update(bytes).digest("hex")));
});

test("another digest is refused, naming both", async (t) => {
  const file = join(directory, "other.img");
  writeFileSync(file, "abc");
  const error = await t.throwsAsync(checkImage(file, "0".repeat(64)), { instanceOf: UserError });
  t.is(error.where, file);
  t.true(error.message.includes("0".repeat(64)));
  t.true(error.message.includes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")); // FIPS 180-2, B.1
});

test("a missing image is refused", async (t) => {
  const error = await t.throwsAsync(checkImage(join(directory, "none.img"), "0".repeat(64)), { instanceOf: UserError });
  t.regex(error.message, /can't be read/);
});
