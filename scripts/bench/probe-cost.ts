import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stateDirectory } from "../../stacks/root.ts";
import { podFiles } from "../../workloads/pod-files.ts";
import { hodgesLehmann, signFlipTest } from "../lib/results/statistics.ts";
import type { Bench, Figure } from "./figure.ts";
import { startMemoryLoad, type MemoryLoad } from "./memory-load.ts";
import { processors } from "./processor.ts";

/** What is aimed at: a hundredth of what a model would do without the probe. */
const limit = 0.01;
const pairs = 40;
/** Milliseconds of each window: whole seconds, so that each holds as many samples. */
const windowLength = 2_000;
/** Milliseconds between stopping or waking the probe and the window: a woken one makes up for the tick that it missed. */
const settling = 250;
/** Ticks a second in /proc/<pid>/stat: 100 on every architecture that Linux shows to programs (USER_HZ, proc_pid_stat(5)). */
const ticksPerSecond = 100;

/** Bytes a second that the load read, with the probe and without. */
export interface RatePair {
  readonly with: number;
  readonly without: number;
}

export interface Cost {
  /** Fraction of the load's rate that is lost; below 0 where noise is all there is. */
  readonly value: number;
  /** 95 % interval; null below six pairs. */
  readonly interval: readonly [number, number] | null;
  readonly verdict: "under the limit" | "over the limit" | "not resolvable here";
}

/** Log ratios: their Hodges-Lehmann estimate, and the interval of the sign-flip test. */
export function costOf(measured: readonly RatePair[]): Cost {
  const ratios = measured.map((pair) => Math.log(pair.with / pair.without));
  const { interval } = signFlipTest(ratios, 0.05);
  const lost = (logarithm: number) => Math.round((1 - Math.exp(logarithm)) * 1e5) / 1e5;
  const ends = interval === null ? null : ([lost(interval[1]), lost(interval[0])] as const);
  return { value: lost(hodgesLehmann(ratios)), interval: ends, verdict: verdictOn(ends) };
}

function verdictOn(interval: Cost["interval"]): Cost["verdict"] {
  if (interval !== null && interval[1] <= limit) return "under the limit";
  return interval !== null && interval[0] > limit ? "over the limit" : "not resolvable here";
}

/**
 * `probe-cost`: what the probe takes from a load that reads memory on all processors, in interleaved pairs of windows with
 * the probe and with the same probe stopped. `probe-cpu`: its own processor time, as a fraction of one processor, under
 * that load. It reads this machine: what sensors it lacks cost nothing here.
 */
export const benchProbeCost: Bench = async ({ report, signal }) => {
  await mkdir(stateDirectory, { recursive: true });
  const directory = await mkdtemp(join(stateDirectory, "bench-probe-"));
  let load: MemoryLoad | undefined;
  let probe: ChildProcess | undefined;
  try {
    probe = await startProbe(directory);
    load = await startMemoryLoad();
    const measured = await measure(load, probe, signal);
    // Interrupted: what there is decides nothing.
    if (signal.aborted) return;
    report(costFigure(measured.rates));
    report(processorFigure(measured.share));
  } finally {
    await load?.stop();
    await stopProbe(probe);
    await rm(directory, { recursive: true, force: true });
  }
};

async function measure(load: MemoryLoad, probe: ChildProcess, signal: AbortSignal) {
  const rates: RatePair[] = [];
  let [used, lasted] = [0, 0];
  const rate = async (): Promise<number> => {
    const [bytes, started] = [load.bytes(), performance.now()];
    await sleep(windowLength, undefined, { signal });
    return (load.bytes() - bytes) / ((performance.now() - started) / 1000);
  };
  const without = async (): Promise<number> => {
    probe.kill("SIGSTOP");
    await sleep(settling, undefined, { signal });
    return rate();
  };
  const withProbe = async (): Promise<number> => {
    probe.kill("SIGCONT");
    await sleep(settling, undefined, { signal });
    const [before, started] = [await processorSeconds(probe), performance.now()];
    const measured = await rate();
    used += (await processorSeconds(probe)) - before;
    lasted += (performance.now() - started) / 1000;
    return measured;
  };
  for (let pair = 0; pair < pairs; pair += 1) {
    if (pair % 10 === 0) console.error(`probe-cost: pair ${pair + 1} of ${pairs}`);
    // Each goes first in turn: what drifts cancels out.
    if (pair % 2 === 0) rates.push({ with: await withProbe(), without: await without() });
    else {
      const free = await without();
      rates.push({ with: await withProbe(), without: free });
    }
  }
  return { rates, share: used / lasted };
}

function costFigure(rates: readonly RatePair[]): Figure {
  const { value, interval, verdict } = costOf(rates);
  const reached = interval === null ? null : Math.round(((interval[1] - interval[0]) / 2) * 1e5) / 1e5;
  return {
    name: "probe-cost",
    value,
    unit: "fraction of the load's rate",
    baseline: limit,
    ratio: null,
    interval,
    verdict,
    reached: reached === null ? null : `an interval of ${reached} to each side`,
    pairs: rates.length,
    window: windowLength / 1000,
    processors,
    limit,
    samples: rates.map((pair) => [pair.with, pair.without].map((rate) => Math.round(rate / 1e6))),
    bound: "this machine's sensors, control groups and disk: a board has more of the first",
  };
}

function processorFigure(share: number): Figure {
  return {
    name: "probe-cpu",
    value: Math.round(share * 1e5) / 1e5,
    unit: "fraction of one processor",
    baseline: limit,
    ratio: null,
    limit,
    resolution: Math.round((1 / ticksPerSecond / ((pairs * windowLength) / 1000)) * 1e6) / 1e6,
  };
}

/** The probe as its pod has it, looking at this machine. Resolves when it samples. */
async function startProbe(directory: string): Promise<ChildProcess> {
  const { files } = podFiles("probe");
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const child = spawn(process.execPath, ["main.ts"], {
    cwd: directory,
    env: {
      PROC: "/proc",
      SYS: "/sys",
      CGROUPS: "/sys/fs/cgroup",
      METER: "/run/bramble/meter",
      OUTPUT: join(directory, "samples"),
      SIZE_LIMIT: String(2 ** 29),
      HOST: "127.0.0.1",
      // Any that is free.
      PORT: "0",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`the probe ended with ${String(code)} before it sampled`);
  });
  await Promise.race([once(child.stdout, "data"), died]);
  // Whether it ends later is no longer this function's business.
  died.catch(() => undefined);
  return child;
}

async function stopProbe(probe: ChildProcess | undefined): Promise<void> {
  if (probe?.exitCode !== null || probe.signalCode !== null) return;
  const ended = once(probe, "exit");
  probe.kill("SIGCONT");
  probe.kill("SIGTERM");
  await ended;
}

/** User and system time of all its threads: fields 14 and 15, counted after the name, which may hold anything. */
async function processorSeconds(child: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${String(child.pid)}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
