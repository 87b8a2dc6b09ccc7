import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { digestsOf, nodeJournals, type RunOnNode } from "../../../../scripts/lib/results/node-journals.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { writeNodeDirectory } from "./synthetic-run.ts";

/** Runs the script that a node would run, here and without sudo. */
const here: RunOnNode = (argv, { stdin }) => {
  const [sudo, quiet, command = "", ...args] = argv;
  if (sudo !== "sudo" || quiet !== "-n") throw new Error(argv.join(" "));
  const { stdout, stderr, status } = spawnSync(command, args, { input: stdin, encoding: "utf8" });
  return Promise.resolve({ stdout, stderr, code: status ?? 1 });
};

async function nodeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-node-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "run");
}

test("lists a run's journals with their digests and their first lines', and nothing else", async (t) => {
  const directory = await nodeDirectory(t);
  await writeNodeDirectory(
    directory,
    new Map([
      [0, "zero\n"],
      [11, "eleven ü\nand on"],
      [2, "torn"],
      [3, ""],
    ]),
  );
  await writeFile(join(directory, "plan.json"), "{}");
  await writeFile(join(directory, "block-1.ndjson.tmp"), "");
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
  const listed = await nodeJournals("server", here, directory).list();
  t.deepEqual(
    [...listed].sort(([a], [b]) => a - b),
    [
      [0, { sha256: digest("zero\n"), start: digest("zero") }],
      [2, { sha256: digest("torn"), start: null }],
      [3, { sha256: digest(""), start: null }],
      [11, { sha256: digest("eleven ü\nand on"), start: digest("eleven ü") }],
    ],
  );
});

test("a run that left nothing is an empty list", async (t) => {
  t.is((await nodeJournals("server", here, await nodeDirectory(t)).list()).size, 0);
});

test("hands out a journal byte by byte", async (t) => {
  const directory = await nodeDirectory(t);
  const content = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) % 256));
  await writeNodeDirectory(directory, new Map());
  await writeFile(join(directory, "block-3.ndjson"), content);
  const node = nodeJournals("server", here, directory);
  t.deepEqual(await node.fetch(3), content);
  t.deepEqual((await node.list()).get(3), digestsOf(content));
});

test("a journal that changed on its way is refused", async (t) => {
  const directory = await nodeDirectory(t);
  await writeNodeDirectory(directory, new Map([[0, "zero\n"]]));
  const tampering: RunOnNode = async (argv, options) => {
    const result = await here(argv, options);
    const answer = JSON.parse(result.stdout) as { sha256: string };
    return { ...result, stdout: JSON.stringify({ ...answer, sha256: "0".repeat(64) }) };
  };
  await t.throwsAsync(nodeJournals("server", tampering, directory).fetch(0), {
    instanceOf: UserError,
    message: /node server: block-0.ndjson arrived with another SHA-256/,
  });
});

test("what fails on the node is told with its last line", async (t) => {
  const directory = await nodeDirectory(t);
  await t.throwsAsync(nodeJournals("server", here, directory).fetch(0), {
    instanceOf: UserError,
    message: /node server: block-0.ndjson could not be read .*No such file/,
  });
});
