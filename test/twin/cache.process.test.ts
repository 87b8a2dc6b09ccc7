import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { cacheDirectory } from "../../stacks/cache-directory.ts";
import { cached, cacheKey } from "../../twin/cache.ts";

const fixture = join(import.meta.dirname, "..", "fixtures", "processes", "build-in-cache.ts");
let base: string;

test.before(async () => {
  base = await mkdtemp(join(tmpdir(), "cache-test-"));
  process.env.XDG_CACHE_HOME = base;
});

test.after.always(() => rm(base, { recursive: true, force: true }));

test("a key depends on every part, its place and its boundaries", (t) => {
  const keys = [["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], []].map(cacheKey);
  t.is(new Set(keys).size, keys.length);
  t.is(cacheKey(["a", "b"]), cacheKey(["a", "b"]));
});

test("a relative XDG_CACHE_HOME is ignored, as its specification says", (t) => {
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = "here";
  t.teardown(() => (process.env.XDG_CACHE_HOME = before));
  t.regex(cacheDirectory(), /^\/.*\/\.cache\/bramble$/);
});

test("what is built once is not built again", async (t) => {
  let builds = 0;
  const build = async (directory: string): Promise<void> => {
    builds += 1;
    await writeFile(join(directory, "result"), "42");
  };
  const first = await cached("once", ["1"], build);
  t.is(await cached("once", ["1"], build), first);
  t.is(builds, 1);
  t.is(await readFile(join(first, "result"), "utf8"), "42");
  t.not(await cached("once", ["2"], build), first);
  t.is(builds, 2);
});

test("a build that fails leaves nothing, and the next one runs", async (t) => {
  const failing = cached("failing", ["1"], async (directory) => {
    await writeFile(join(directory, "half"), "");
    throw new Error("out of paper");
  });
  await t.throwsAsync(failing, { message: "out of paper" });
  t.deepEqual(await readdir(join(cacheDirectory(), "failing")), []);
  t.true(existsSync(await cached("failing", ["1"], () => Promise.resolve())));
});

test("what a killed build left behind is removed by the next one, other keys' workplaces stay", async (t) => {
  const place = join(cacheDirectory(), "abandoned");
  const abandoned = join(place, `${cacheKey(["1"])}.building-killed`);
  const other = join(place, `${cacheKey(["2"])}.building-running`);
  for (const directory of [abandoned, other]) await mkdir(join(directory, "deep"), { recursive: true });
  await cached("abandoned", ["1"], () => Promise.resolve());
  t.false(existsSync(abandoned));
  t.true(existsSync(other));
});

test("processes that want the same thing at the same time build it once, and all get it", async (t) => {
  const log = join(base, "builds.log");
  const outcomes = await Promise.all([1, 2, 3].map(() => buildInProcess(log)));
  t.is(await readFile(log, "utf8"), "built\n");
  t.deepEqual(
    outcomes.map(({ content }) => content),
    ["whole", "whole", "whole"],
  );
  t.is(outcomes.filter(({ waited }) => waited).length, 2);
});

interface Outcome {
  readonly content: string;
  readonly waited: boolean;
}

function buildInProcess(log: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = fork(fixture, [log]);
    let outcome: Outcome | undefined;
    child.on("message", (message) => (outcome = message as Outcome));
    child.on("error", reject);
    child.on("exit", (code) => {
      if (outcome === undefined) reject(new Error(`exit code ${code}`));
      else resolve(outcome);
    });
  });
}
