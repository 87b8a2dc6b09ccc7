import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../stacks/user-error.ts";

/** How a benchmark's Job stands. */
export interface JobStatus {
  /** starting: no pod runs yet; waiting: for the right to measure; measuring; and the two ends. */
  readonly state: "starting" | "waiting" | "measuring" | "complete" | "failed";
  /** Blocks in all, those that ended well, and those that were given up. */
  readonly blocks: { readonly total: number; readonly done: number; readonly failed: number };
  /** More about the state, for example who holds the Lease; may be empty. */
  readonly detail: string;
  /** The last lines that a failing pod wrote; shown when the Job ends as failed. */
  readonly logs: readonly string[];
}

export interface FollowedJob {
  readonly stack: string;
  /** Reads the Job as it is now. Throwing means "not to be reached at the moment", and it is asked again. */
  status(): Promise<JobStatus>;
}

/** Where the progress goes; process.stdout is one. */
export interface FollowOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface FollowOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks. */
  readonly interval?: number;
  /** Milliseconds for which a Job may be out of reach before following ends with an error; the Job itself goes on. */
  readonly patience?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
  readonly pause?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

type Progress = {
  readonly job: FollowedJob;
  status: JobStatus | null;
  /** Since when, and why, the Job can't be read; null while it can. */
  unreachable: { readonly since: number; readonly reason: string } | null;
  /** Blocks that were done at the first look, and when that was: the rate since then gives the time left. */
  first: { readonly at: number; readonly done: number } | null;
};

const ended = ({ status }: Progress) => status?.state === "complete" || status?.state === "failed";

/**
 * Follows Jobs until each has ended, drawing a bar for each on a terminal, or writing a line at each change elsewhere. It
 * only reads: stopping it stops no Job, and following again goes on from what is there.
 * @returns each stack's last status
 * @throws UserError when a Job stays out of reach; the signal's reason when that is aborted
 */
export async function followJobs(
  jobs: readonly FollowedJob[],
  output: FollowOutput,
  options: FollowOptions = {},
): Promise<ReadonlyMap<string, JobStatus>> {
  const { signal, interval = 1000, patience = 600_000, now = () => performance.now() } = options;
  const pause = options.pause ?? ((milliseconds, abort) => sleep(milliseconds, undefined, { signal: abort }));
  const all = jobs.map((job): Progress => ({ job, status: null, unreachable: null, first: null }));
  const draw = output.isTTY === true ? barsOn(output) : linesOn(output);
  for (;;) {
    await Promise.all(all.filter((progress) => !ended(progress)).map((progress) => look(progress, now, patience)));
    draw(all, now());
    if (all.every(ended)) break;
    await pause(interval, signal);
    signal?.throwIfAborted();
  }
  for (const { job, status } of all)
    if (status?.state === "failed" && status.logs.length > 0)
      output.write(
        `${job.stack}: the last lines of a pod that failed:\n${status.logs.map((line) => `  ${line}\n`).join("")}`,
      );
  return new Map(all.flatMap(({ job, status }) => (status === null ? [] : [[job.stack, status]])));
}

async function look(progress: Progress, now: () => number, patience: number): Promise<void> {
  try {
    progress.status = await progress.job.status();
    progress.unreachable = null;
    progress.first ??= { at: now(), done: progress.status.blocks.done };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    const since = progress.unreachable?.since ?? now();
    progress.unreachable = { since, reason };
    if (now() - since < patience) return;
    throw new UserError(
      {
        what: `its Job can't be read any more: ${reason}`,
        where: `stack ${progress.job.stack}`,
        next: `check the site's server and the link to it; then npm run up -- ${progress.job.stack} goes on following (the Job itself goes on by itself)`,
      },
      { cause: error },
    );
  }
}

/** Redraws a line for each Job in place. */
function barsOn(output: FollowOutput): (all: readonly Progress[], now: number) => void {
  let drawn = 0;
  return (all, now) => {
    const width = Math.max(...all.map(({ job }) => job.stack.length));
    const lines = all.map((progress) => {
      const { total, done } = progress.status?.blocks ?? { total: 0, done: 0 };
      const line = `${progress.job.stack.padEnd(width)}  ${bar(done, total)}  ${describe(progress, now)}`;
      return `\x1b[K${line.slice(0, (output.columns ?? 80) - 1)}\n`;
    });
    output.write(`${drawn === 0 ? "" : `\x1b[${drawn}A`}${lines.join("")}`);
    drawn = lines.length;
  };
}

/** Writes a line at each block that ended and at whatever needs attention: what is measured just now is for terminals. */
function linesOn(output: FollowOutput): (all: readonly Progress[], now: number) => void {
  const last = new Map<string, string>();
  return (all) => {
    for (const progress of all) {
      const { status, unreachable } = progress;
      const news = JSON.stringify([status?.blocks, ended(progress), unreachable?.reason]);
      if (last.get(progress.job.stack) === news) continue;
      last.set(progress.job.stack, news);
      output.write(`${progress.job.stack}: ${describe(progress, null)}\n`);
    }
  };
}

/** @param now null leaves the time left out */
function describe(progress: Progress, now: number | null): string {
  const { status, unreachable } = progress;
  const trouble = unreachable === null ? "" : `, not to be reached (${unreachable.reason}), trying on`;
  if (status === null) return `not read yet${trouble}`;
  const { total, done, failed } = status.blocks;
  const left = now === null ? null : secondsLeft(progress, now);
  return [
    `${done} of ${total} blocks`,
    failed === 0 ? "" : `, ${failed} given up`,
    `, ${status.state}`,
    status.detail === "" ? "" : ` (${status.detail})`,
    left === null ? "" : `, about ${duration(left)} left`,
    trouble,
  ].join("");
}

/** By the blocks that ended while we looked; null before the first of them, and at the end. */
function secondsLeft({ status, first }: Progress, now: number): number | null {
  if (status === null || first === null || status.blocks.done <= first.done) return null;
  if (status.state === "complete" || status.state === "failed") return null;
  const { total, done, failed } = status.blocks;
  return (((now - first.at) / (done - first.done)) * (total - done - failed)) / 1000;
}

function bar(done: number, total: number): string {
  const width = 20;
  const filled = total === 0 ? 0 : Math.round((done / total) * width);
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
