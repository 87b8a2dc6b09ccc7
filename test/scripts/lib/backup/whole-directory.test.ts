import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { makeWhole, writePrivately } from "../../../../scripts/lib/backup/whole-directory.ts";
import { UserError } from "../../../../stacks/user-error.ts";

async function place(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-whole-"));
  t.teardown(() => rm(directory, { recursive: true }));
  await chmod(directory, 0o755);
  return join(directory, "barn");
}
const write = (text: string) => (partial: string) =>
  writePrivately(join(partial, "file"), (handle) => handle.writeFile(text));

test("a directory is there once it is whole, and only its owner can read it", async (t) => {
  const parent = await place(t);
  const target = join(parent, "one");
  await makeWhole(target, async (partial) => {
    t.deepEqual(
      (await readdir(parent)).filter((name) => !name.startsWith(".")),
      [],
    );
    await write("text")(partial);
  });
  t.is(await readFile(join(target, "file"), "utf8"), "text");
  const modes = await Promise.all(
    [parent, target, join(target, "file")].map(async (path) => (await stat(path)).mode & 0o777),
  );
  t.deepEqual(modes, [0o700, 0o700, 0o600]);
  t.deepEqual(await readdir(parent), ["one"], "and nothing else is left");
});

test("what fails has no name, and is given to the next one, which removes it", async (t) => {
  const parent = await place(t);
  const failing = makeWhole(join(parent, "one"), async (partial) => {
    await write("half")(partial);
    throw new Error("the link broke");
  });
  await t.throwsAsync(failing, { message: "the link broke" });
  t.deepEqual(await readdir(parent), [".one.partial"]);
  await makeWhole(join(parent, "two"), async (partial, leftovers) => {
    t.deepEqual(leftovers, [join(parent, ".one.partial")]);
    t.is(await readFile(join(leftovers[0] ?? "", "file"), "utf8"), "half");
    await write("whole")(partial);
  });
  t.deepEqual(await readdir(parent), ["two"]);
});

test("two do not work beside one another", async (t) => {
  const parent = await place(t);
  await makeWhole(join(parent, "one"), async (partial) => {
    await t.throwsAsync(makeWhole(join(parent, "two"), write("")), {
      instanceOf: UserError,
      message: /another process/,
    });
    await write("text")(partial);
  });
  t.deepEqual(await readdir(parent), ["one"]);
});

test("a directory that is there is never written over", async (t) => {
  const parent = await place(t);
  await mkdir(join(parent, "one"), { recursive: true });
  await writeFile(join(parent, "one", "file"), "old");
  await t.throwsAsync(makeWhole(join(parent, "one"), write("new")), { code: "ENOTEMPTY" });
  t.is(await readFile(join(parent, "one", "file"), "utf8"), "old");
});
