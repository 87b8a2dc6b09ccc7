import { setTimeout as sleep } from "node:timers/promises";
import { UnreachableError } from "./cluster.ts";
import type { Readiness } from "./readiness.ts";

export interface Wait {
  /** Seconds. */
  timeout: number;
  /** Ends the waiting: the user has cancelled. */
  signal: AbortSignal;
  /** Told what is being waited for, each time it changes. */
  onStatus: (text: string) => Promise<void>;
}

/** How often is looked, in milliseconds: soon at first, then at a pace that does no harm to a small API server. */
const firstInterval = 100;
const longestInterval = 1000;

/**
 * Looks until it is ready. An API server that does not answer for a while is waited for too.
 * @returns the last look: not ready if time ran out, the user cancelled, or it has failed for good
 */
export async function waitUntilReady(
  look: () => Promise<Readiness>,
  { timeout, signal, onStatus }: Wait,
): Promise<Readiness> {
  const end = Date.now() + timeout * 1000;
  let shown = "";
  for (let interval = firstInterval; ; interval = Math.min(interval * 1.5, longestInterval)) {
    const readiness = await look().catch((error: unknown): Readiness => {
      if (error instanceof UnreachableError) return { ready: false, waitingFor: `the API server (${error.message})` };
      throw error;
    });
    if (readiness.ready || readiness.failed === true) {
      if (shown !== "") await onStatus("");
      return readiness;
    }
    if (readiness.waitingFor !== shown) {
      shown = readiness.waitingFor;
      await onStatus(`waiting for ${shown}`);
    }
    if (signal.aborted) return { ...readiness, waitingFor: `cancelled while waiting for ${readiness.waitingFor}` };
    if (Date.now() >= end) {
      return { ...readiness, waitingFor: `timed out after ${timeout} s, waiting for ${readiness.waitingFor}` };
    }
    await sleep(interval, undefined, { signal }).catch(() => undefined); // aborted: seen after one more look
  }
}
