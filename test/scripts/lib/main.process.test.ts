import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "ava";

const command = join(import.meta.dirname, "main-command.ts");
const cleaned = "cleaned up first\ncleaned up last\n";

/** Runs the command; once it wrote `on`, it gets the signal of that place. */
async function run(way: string, signals: readonly { on: string; send: NodeJS.Signals }[] = []) {
  const child = spawn(process.execPath, [command, way]);
  const output = { stdout: "", stderr: "" };
  const left = [...signals];
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      const [next] = left;
      if (next === undefined || !output.stdout.includes(next.on)) return;
      left.shift();
      child.kill(next.send);
    });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

test("a command that returns nothing exits with 0, after its clean-up", async (t) => {
  t.deepEqual(await run("nothing"), { code: 0, stdout: cleaned, stderr: "" });
});

test("what it returns is its exit code", async (t) => {
  t.like(await run("code"), { code: 7, stdout: cleaned });
});

test("a UserError is its message alone", async (t) => {
  t.deepEqual(await run("user-error"), { code: 1, stdout: cleaned, stderr: "here: is wrong\n  Next: do this\n" });
});

test("a bug keeps its stack", async (t) => {
  const { code, stdout, stderr } = await run("bug");
  t.is(code, 1);
  t.is(stdout, cleaned);
  t.regex(stderr, /TypeError: a bug\n +at .*main-command\.ts/);
});

test("a wrong argument points to --help", async (t) => {
  const { code, stderr } = await run("argument");
  t.is(code, 1);
  t.regex(stderr, /^Unknown option '--nonsense'.*\n {2}Next: see --help\n$/);
});

for (const [send, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  test(`${send} stops the command, cleans up and exits with ${code}`, async (t) => {
    t.deepEqual(await run("wait", [{ on: "waiting", send }]), {
      code,
      stdout: `waiting\nstopped\n${cleaned}`,
      stderr: `interrupted by ${send}\n`,
    });
  });

test("a second signal does not wait for a command that heeds none", async (t) => {
  const signals = [
    { on: "waiting", send: "SIGINT" },
    { on: "first signal", send: "SIGINT" },
  ] as const;
  t.like(await run("deaf", signals), { code: 130, stdout: `waiting\nfirst signal\n${cleaned}` });
});

test("a reader that closes its end of the pipe is no error", async (t) => {
  const child = spawn(process.execPath, [command, "pipe"]);
  child.stdout.once("data", () => child.stdout.destroy());
  let stderr = "";
  child.stderr.on("data", (data) => (stderr += String(data)));
  const [code] = (await once(child, "close")) as [number | null];
  t.deepEqual([code, stderr], [0, ""]);
});
