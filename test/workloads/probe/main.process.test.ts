import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { root } from "../../../stacks/root.ts";
import { podFiles } from "../../../workloads/pod-files.ts";
import { hourFile } from "../../../workloads/probe/hour-files.ts";
import type { ProbeSample } from "../../../workloads/probe/sample.ts";

const source = podFiles("probe").files;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** The probe as its pod runs it, with a tree in the place of the node's. */
async function start(t: ExecutionContext, tree: string) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-probe-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  for (const name of ["source", "meter", "samples"]) mkdirSync(join(directory, name));
  for (const [name, text] of Object.entries(source)) writeFileSync(join(directory, "source", name), text);
  const samples = join(directory, "samples");
  const node = join(root, "test", "fixtures", "sys", tree);
  const port = await freePort();
  const run = () => {
    const child = spawn(process.execPath, ["main.ts"], {
      cwd: join(directory, "source"),
      env: {
        PROC: join(node, "proc"),
        SYS: join(node, "sys"),
        CGROUPS: join(node, "sys", "fs", "cgroup"),
        METER: join(directory, "meter"),
        OUTPUT: samples,
        SIZE_LIMIT: "1000000",
        HOST: "127.0.0.1",
        PORT: String(port),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    t.teardown(() => child.kill("SIGKILL"));
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, said }));
    return { child, ended };
  };
  const ask = (path = "/") => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    samples,
    run,
    ask,
    meter: (name: string, value: string) => {
      writeFileSync(join(directory, "meter", name), `${Date.now()} ${value}\n`);
    },
    /** Asks until so many different samples were served. */
    served: async (count: number): Promise<ProbeSample[]> => {
      const seen = new Map<number, ProbeSample>();
      while (seen.size < count) {
        await sleep(100);
        const response = await ask().catch(() => undefined);
        if (response?.status !== 200) continue;
        const sample = (await response.json()) as ProbeSample;
        seen.set(sample.at, sample);
      }
      return [...seen.values()];
    },
    lines: () =>
      readdirSync(samples)
        .sort()
        .flatMap((name) => readFileSync(join(samples, name), "utf8").split("\n").slice(0, -1))
        .map((line) => JSON.parse(line) as ProbeSample),
  };
}

test("a board is sampled, its samples kept and the last one served, and a stopped probe leaves whole lines", async (t) => {
  const { run, served, lines, ask, meter } = await start(t, "pi5");
  meter("power", "6.532");
  meter("throttled", "0x0");
  const { child, ended } = run();
  const seen = await served(3);
  t.is((await ask("/other")).status, 404);
  child.kill("SIGTERM");
  const { code, said } = await ended;
  t.is(code, 0, said);
  t.is(said, "");
  const kept = lines();
  t.true(kept.length >= 3);
  for (const sample of seen) t.true(kept.some(({ at }) => at === sample.at));
  t.like(kept[0], {
    cpu: null,
    memory: { total: 8255888 * 1024, available: 5364848 * 1024 },
    cgroups: {
      "pod0b1c2d3e-1111-4222-8333-444455556666": 1887436800,
      "podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff": 52428800,
      "pod8c9d0e1f-2222-4333-8444-555566667777": 63963136,
      "k3s.service": 1258291200,
    },
    frequency: 2_400_000_000,
    temperature: 61.7,
    throttled: 0,
    fan: 3318,
    watts: 6.532,
  });
  for (const [index, { up }] of kept.slice(1).entries()) t.true(up > (kept[index]?.up ?? Infinity));
});

for (const [tree, expected] of [
  ["pi5-throttled", { temperature: 85.35, throttled: 0xe0006, fan: null, watts: null }],
  ["cgroup-v1", { temperature: 48.2, frequency: null, throttled: null, fan: null, watts: null }],
  ["bare", { cgroups: {}, temperature: null, frequency: null, throttled: null, fan: null, watts: null }],
] as const)
  test(`${tree}: three seconds of what there is, and null for what there is not`, async (t) => {
    const { run, served, lines } = await start(t, tree);
    const { child, ended } = run();
    await served(3);
    child.kill("SIGTERM");
    t.is((await ended).code, 0);
    const kept = lines();
    t.true(kept.length >= 3);
    for (const sample of kept) t.like(sample, expected);
  });

test("a killed probe's samples are there, and its next life goes on in the same files", async (t) => {
  const { run, served, lines } = await start(t, "bare");
  const first = run();
  await served(2);
  first.child.kill("SIGKILL");
  await first.ended;
  const before = lines();
  t.true(before.length >= 2);
  const second = run();
  await served(1);
  second.child.kill("SIGTERM");
  await second.ended;
  t.deepEqual(lines().slice(0, before.length), before);
  t.true(lines().length > before.length);
});

test("a full disk is told of once, and the last sample still served", async (t) => {
  const { run, served, samples } = await start(t, "bare");
  for (const hours of [0, 1]) symlinkSync("/dev/full", join(samples, hourFile(Date.now() + hours * 3_600_000)));
  const { child, ended } = run();
  await served(3);
  child.kill("SIGTERM");
  const { code, said } = await ended;
  t.is(code, 0);
  t.regex(said, /^samples are not kept in \S+: ENOSPC[^\n]*\n$/);
});
