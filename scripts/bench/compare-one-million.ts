import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { z } from "zod";
import { $ } from "zx";
import { resultsLayout } from "../lib/results/layout.ts";
import type { Bench } from "./figure.ts";
import { comparePairs, rounded, timed } from "./paired.ts";
import { comparedVariant, plannedResults, runsOfStack, sealResults } from "./synthetic-results.ts";

const stacks = ["first", "second"];
const million = 1e6;
const sizes = [million / 2, million, 2 * million];
const repetitions = 5;
const usedSchema = z.strictObject({ megabytes: z.number(), processorSeconds: z.number() });
const limits = { seconds: 5, megabytes: 400 };

interface Measured {
  readonly seconds: number;
  readonly megabytes: number;
  /** Of all its threads: what a machine that is busy with other things leaves as it is, nearly. */
  readonly processorSeconds: number;
  /** Seconds that `cat` takes for the same journals. */
  readonly plain: number;
}

/**
 * `compare-1m-seconds`, `compare-1m-megabytes`: what comparing two stacks takes whose 200 runs have a million requests: reading,
 * verifying, judging, comparing and writing the report, from the process's start to its end. The same for half as many and twice as
 * many, whose journals take turns. Needs 3 GB of disk.
 */
export const compareOneMillion: Bench = async ({ report, signal, defer }) => {
  const folder = await mkdtemp(join(tmpdir(), "bramble-bench-results-"));
  const remove = async () => {
    // Sealed directories are read-only; and it is asked twice where all goes well.
    await $({ quiet: true })`chmod -Rf u+w ${folder} || true; rm -rf ${folder}`;
  };
  defer(remove);
  const measured = new Map<number, Measured[]>(sizes.map((size) => [size, []]));
  for (const size of sizes) {
    console.error(`results: writing ${size} records`);
    const requests = size / (stacks.length * runsOfStack);
    for (const [index, stack] of stacks.entries()) {
      signal.throwIfAborted();
      await sealResults(resultsLayout(join(folder, String(size))), stack, plannedResults(requests, index + 1));
    }
  }
  // The first round fills the page cache and is not counted.
  for (let repetition = 0; repetition <= repetitions; repetition += 1)
    for (const size of sizes) {
      console.error(`results: ${size} records, repetition ${repetition} of ${repetitions}`);
      const one = await measureOnce(join(folder, String(size)), signal);
      if (repetition > 0) measured.get(size)?.push(one);
    }
  await remove();

  const bySize = [...measured].map(([records, all]) => ({ records, ...middle(all) }));
  const [half, whole, double] = bySize;
  const samples = measured.get(million) ?? [];
  const growth = half && double ? double.seconds / half.seconds / (double.records / half.records) : null;
  report({
    ...{ name: "compare-1m-seconds", unit: "s", limit: limits.seconds, against: "cat of the same journals" },
    ...comparePairs(samples.map(({ seconds, plain }) => ({ value: seconds, baseline: plain }))),
    samples: samples.map(({ seconds }) => rounded(seconds)),
    bySize,
    // 1 where twice the records take twice the time; below 1 while starting the process is part of it.
    linearity: growth === null ? null : rounded(growth),
  });
  report({
    ...{ name: "compare-1m-megabytes", unit: "MB", limit: limits.megabytes, against: "half as many records" },
    value: whole?.megabytes ?? null,
    baseline: half?.megabytes ?? null,
    ratio: half && whole ? rounded(whole.megabytes / half.megabytes) : null,
    bySize,
  });
};

async function measureOnce(directory: string, signal: AbortSignal): Promise<Measured> {
  const shell = $({ quiet: true, signal });
  const script = join(import.meta.dirname, "compare-once.ts");
  const variants = stacks.map((stack) => `${stack}:${comparedVariant}`);
  let printed = "";
  const seconds = await timed(async () => {
    printed = (await shell`${process.execPath} ${script} ${directory} ${variants}`).stdout;
  });
  const journals = (await readdir(directory, { recursive: true }))
    .filter((name) => name.endsWith(".ndjson"))
    .map((name) => join(directory, name));
  const plain = await timed(() => shell`cat ${journals} > /dev/null`);
  return { seconds, plain, ...usedSchema.parse(JSON.parse(printed)) };
}

/** The medians; of the memory, the most. */
function middle(all: readonly Measured[]): Measured {
  return {
    seconds: rounded(median(all.map(({ seconds }) => seconds))),
    megabytes: rounded(Math.max(...all.map(({ megabytes }) => megabytes))),
    processorSeconds: rounded(median(all.map(({ processorSeconds }) => processorSeconds))),
    plain: rounded(median(all.map(({ plain }) => plain))),
  };
}
