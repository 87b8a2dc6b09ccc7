import { setTimeout as sleep } from "node:timers/promises";
import type { Load } from "./plan.ts";

/**
 * Sends a request and returns when it is answered.
 * @param scheduled when an open loop's request was due, in Unix milliseconds; null in a closed loop
 */
export type Send = (request: number, scheduled: number | null) => Promise<void>;

/**
 * Sends requests as a load has them. In a closed loop each user sends the next one when the last is answered; in an open
 * one each is sent when it is due, whatever is still being answered, so that a slow server can't slow down what it is
 * asked (coordinated omission). After the first error nothing more is sent; what is under way is waited for.
 * @param due milliseconds from now for each request, of an open loop; null for a closed one
 * @throws the first error that `send` throws, or the signal's reason
 */
export async function runLoad(
  load: Load,
  due: readonly number[] | null,
  requests: readonly number[],
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  if (due === null) await sendInTurn(requests, load.kind === "closed" ? load.users : 1, send, signal);
  else await sendWhenDue(requests, due, send, signal);
  signal.throwIfAborted();
}

async function sendInTurn(requests: readonly number[], users: number, send: Send, signal: AbortSignal): Promise<void> {
  const left = requests.values();
  const failures: unknown[] = [];
  const user = async () => {
    for (const request of left) {
      if (failures.length > 0 || signal.aborted) return;
      await send(request, null).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: users }, user));
  if (failures.length > 0) throw failures[0];
}

async function sendWhenDue(
  requests: readonly number[],
  due: readonly number[],
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const failures: unknown[] = [];
  const [start, startMonotonic] = [Date.now(), performance.now()];
  const underWay = requests.map(async (request, index) => {
    const at = due[index] ?? 0;
    try {
      await sleep(Math.max(0, startMonotonic + at - performance.now()), undefined, { signal: ended });
    } catch {
      return;
    }
    await send(request, start + at).catch((error: unknown) => {
      failures.push(error);
      stop.abort();
    });
  });
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}
