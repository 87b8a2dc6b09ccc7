import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { digestsOf, nodeJournals, type RunOnNode } from "../../../../scripts/lib/results/node-journals.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { writeNodeDirectory } from "./synthetic-run.ts";

interface Link {
  /** Bytes that came from the node. */
  sent: number;
  /** Breaks off after so many of them. */
  breaksAfter: number;
}

/** Runs the script that a node would run, here and without sudo. */
function nodeOver(link: Link): RunOnNode {
  return async (argv, { stdin, stdout }) => {
    const [sudo, quiet, command = "", ...args] = argv;
    if (sudo !== "sudo" || quiet !== "-n") throw new Error(argv.join(" "));
    const child = spawn(command, args);
    child.stdin.end(stdin);
    const said = text(child.stderr);
    const ended = once(child, "close");
    let printed = "";
    for await (const data of child.stdout as AsyncIterable<Buffer>) {
      const passes = data.subarray(0, Math.max(0, link.breaksAfter - link.sent));
      link.sent += passes.length;
      if (stdout === undefined) printed += passes.toString();
      else
        await new Promise<void>((resolve, reject) => {
          stdout.write(passes, (error) => {
            if (error) reject(error);
            else resolve();
          });
        });
      if (passes.length < data.length) {
        child.kill();
        throw new UserError({ what: "the connection broke", where: "server", next: "try again" });
      }
    }
    const [code] = (await ended) as [number | null];
    // As the SSH client does, which waits in this way until all was taken.
    if (stdout !== undefined) await new Promise((resolve) => stdout.write(Buffer.alloc(0), resolve));
    return { stdout: printed, stderr: await said, code: code ?? 1 };
  };
}

const whole = () => ({ sent: 0, breaksAfter: Infinity });
const here = nodeOver(whole());

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

/** A journal on a node, and where it is to be copied to. */
async function journalOnNode(t: ExecutionContext, content: Buffer) {
  const directory = await nodeDirectory(t);
  await writeNodeDirectory(directory, new Map());
  const source = join(directory, "block-3.ndjson");
  await writeFile(source, content);
  const file = join(directory, "copy.ndjson");
  const copy = (link: Link) => nodeJournals("server", nodeOver(link), directory).copy(3, file);
  return { directory, source, file, copy };
}

/** Lines like a journal's, which packing shortens, or random bytes, which it does not. */
const lines = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, line) => `${JSON.stringify({ line, gaps: [90.1, 91.2] })}\n`).join(""));
const onlyCopy = ["block-3.ndjson", "copy.ndjson"];

test("brings a journal byte by byte, of whatever size, and packed where that is shorter", async (t) => {
  for (const content of [Buffer.alloc(0), lines(3), lines(100_000), randomBytes(3_500_000)]) {
    const { directory, file, copy } = await journalOnNode(t, content);
    const link = whole();
    await copy(link);
    t.true(content.equals(await readFile(file)));
    t.deepEqual((await nodeJournals("server", here, directory).list()).get(3), digestsOf(content));
    t.deepEqual(await readdir(directory), onlyCopy);
  }
});

test("a copy that broke off goes on where it ended, and no more than the missing bytes travel", async (t) => {
  const content = randomBytes(5_000_000);
  const { directory, file, copy } = await journalOnNode(t, content);
  const first = { sent: 0, breaksAfter: 3_300_000 };
  await t.throwsAsync(copy(first), { message: /the connection broke/ });
  t.false(existsSync(file));
  const second = whole();
  await copy(second);
  t.true(content.equals(await readFile(file)));
  // Whole pieces of a megabyte are kept.
  t.true(second.sent < 5_000_000 - 3 * 2 ** 20 + 2000, String(second.sent));
  t.deepEqual(await readdir(directory), onlyCopy);
});

test("of a journal that went on only what is new travels", async (t) => {
  const { source, file, copy } = await journalOnNode(t, lines(50_000));
  await copy(whole());
  await appendFile(source, "and on\n");
  const link = whole();
  await copy(link);
  t.true((await readFile(file)).equals(await readFile(source)));
  t.true(link.sent < 500, String(link.sent));
});

test("what arrived of another journal is not gone on with", async (t) => {
  const { source, file, copy } = await journalOnNode(t, randomBytes(4_000_000));
  await t.throwsAsync(copy({ sent: 0, breaksAfter: 2_500_000 }));
  const other = randomBytes(4_000_000);
  await writeFile(source, other);
  await copy(whole());
  t.true(other.equals(await readFile(file)));
});

test("a copy that breaks off at any point, however often, ends whole", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 2_600_000 }), { maxLength: 3 }), async (breaks) => {
      const content = lines(60_000);
      const { directory, file, copy } = await journalOnNode(t, content);
      for (const breaksAfter of breaks) await copy({ sent: 0, breaksAfter }).catch(() => undefined);
      await copy(whole());
      t.true(content.equals(await readFile(file)));
      await rm(directory, { recursive: true });
    }),
    { numRuns: 15 },
  );
});

test("a journal that changed on its way is refused, and nothing is left of it", async (t) => {
  const { directory, copy } = await journalOnNode(t, lines(10));
  const tampering: RunOnNode = (argv, options) => {
    const { stdout } = options;
    const tampered = new Transform({
      transform(data: Buffer, _encoding, done) {
        done(null, Buffer.from(data.toString("latin1").replace(/[0-9a-f]{64}/, "0".repeat(64)), "latin1"));
      },
    });
    if (stdout !== undefined) tampered.pipe(stdout, { end: false });
    return here(argv, { ...options, stdout: tampered });
  };
  await t.throwsAsync(nodeJournals("server", tampering, directory).copy(3, join(directory, "copy.ndjson")), {
    instanceOf: UserError,
    message: /node server: block-3.ndjson arrived with another SHA-256/,
  });
  await t.notThrowsAsync(copy(whole()));
});

test("what fails on the node is told with its last line", async (t) => {
  const directory = await nodeDirectory(t);
  await t.throwsAsync(nodeJournals("server", here, directory).copy(0, join(directory, "copy")), {
    instanceOf: UserError,
    message: /node server: block-0.ndjson could not be read .*No such file/,
  });
});

const isRoot = process.getuid?.() === 0;
const testAsRoot = isRoot ? test : test.skip;
const why = isRoot ? "" : " (skipped: mounting a small disk needs root)";
testAsRoot(`a full disk is told, and what fitted is gone on with once there is room${why}`, async (t) => {
  const content = randomBytes(6_000_000);
  const { directory, copy } = await journalOnNode(t, content);
  const small = join(directory, "small");
  await mkdir(small);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small]);
  t.teardown(() => execFileSync("umount", [small]));
  const file = join(small, "copy.ndjson");
  const node = (link: Link) => nodeJournals("server", nodeOver(link), directory).copy(3, file);
  await t.throwsAsync(node(whole()), { instanceOf: UserError, message: /there is no room for block-3.ndjson/ });
  t.false(existsSync(file));
  execFileSync("mount", ["-o", "remount,size=16m", small]);
  const link = whole();
  await node(link);
  t.true(content.equals(await readFile(file)));
  t.true(link.sent < 4_000_000, String(link.sent));
  await t.notThrowsAsync(copy(whole()));
});
