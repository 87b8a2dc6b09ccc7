import type { TrialSite } from "./trial-site.ts";

/** What `npm run faults` prints of one fault, as a line of JSON. */
export interface FaultReport {
  readonly name: string;
  /** What was done, and how. */
  readonly injected: string;
  readonly recovered: boolean;
  /** Of the `up` that converged, from its start to its end. */
  readonly seconds: number | null;
  /** What the fault cost, in words: "nothing", or what is gone. What went wrong where it did not recover. */
  readonly lost: string;
}

/** Something that goes wrong, and what it costs. It leaves the site in need of an `up`, and nothing else in need of anybody. */
export interface Fault {
  readonly name: string;
  /** Begins with a site whose nodes are blank and on instead of one that is up. */
  readonly fromBlank?: true;
  inject(trial: TrialSite): Promise<{ injected: string; lost: string }>;
}

/** Injects a fault into a site that is up (or blank), then sees whether the next `up` mends it and the one after writes nothing. */
export async function tryFault(trial: TrialSite, fault: Fault): Promise<FaultReport> {
  let injected = "nothing yet";
  let seconds: number | null = null;
  try {
    if (fault.fromBlank === true) await trial.startOver();
    const done = await fault.inject(trial);
    injected = done.injected;
    seconds = await recover(trial);
    return { name: fault.name, injected, recovered: true, seconds, lost: done.lost };
  } catch (error) {
    const lost = error instanceof Error ? error.message : String(error);
    return { name: fault.name, injected, recovered: false, seconds, lost };
  }
}

/**
 * The next `up` converges, and the one after changes and writes nothing.
 * @returns seconds that the first took
 * @throws Error saying which of both failed
 */
export async function recover(trial: TrialSite): Promise<number> {
  for (const node of trial.nodes) await trial.waitFor(node);
  const started = performance.now();
  await trial.up();
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  await expectNoWrites(trial);
  return seconds;
}

/** @throws Error unless another `up` finds nothing to change and writes to no managed file of any node */
export async function expectNoWrites(trial: TrialSite): Promise<void> {
  const managed = () => Promise.all(trial.nodes.map((node) => trial.managedFiles(node)));
  const before = await managed();
  await trial.up(["--expect-no-changes"]);
  const after = await managed();
  const differences = after.flatMap((files, index) => difference(before[index] ?? "", files));
  if (differences.length > 0) throw new Error(`an up with nothing to do wrote:\n${differences.join("\n")}`);
}

function difference(before: string, after: string): string[] {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}
