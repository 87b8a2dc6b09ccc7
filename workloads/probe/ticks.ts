import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds since the machine started, with fractions, by a clock that nobody sets (CLOCK_MONOTONIC). */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * The tick to wait for next, counted from 1: the one after `done` or, where time went on without us, the first that is
 * still to come. None is made up for: samples that lie closer than a period would mislead.
 * @param elapsed periods since tick 0
 */
export function nextTick(done: number, elapsed: number): number {
  return Math.max(done + 1, Math.ceil(elapsed));
}

/**
 * Does `work` at whole seconds of the wall clock as it is now, then every second by the monotonic clock: delays do not add
 * up, and a clock that is set changes nothing. Returns when `signal` is aborted.
 */
export async function everySecond(work: () => void, signal: AbortSignal): Promise<void> {
  const start = monotonic() - (Date.now() % 1000);
  for (let tick = nextTick(0, (monotonic() - start) / 1000); ; tick = nextTick(tick, (monotonic() - start) / 1000)) {
    try {
      await sleep(Math.max(0, start + tick * 1000 - monotonic()), undefined, { signal });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    work();
  }
}
