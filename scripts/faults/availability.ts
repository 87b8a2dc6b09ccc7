import { clock as realClock, type Clock } from "../../stacks/clock.ts";

/** How a service fared while something went wrong. */
export interface Availability {
  readonly requests: number;
  readonly failed: number;
  /** The longest time between two answers, in seconds. */
  readonly longestGap: number;
  /** What the first failed requests met, in words: when, and what each server did. */
  readonly failures: readonly string[];
}

/** Milliseconds that a request may take, over all servers that it is tried on. */
export const defaultLimit = 1000;
/** Milliseconds after which a server that has said nothing is no longer waited for alone: the next one is asked too. */
const patience = 300;
/** Milliseconds until a server that failed is tried again, while the request still may be. */
const pause = 100;
const perSecond = 5;
/** Failed requests that are told in words. */
const told = 10;

/** Asks one server; rejects unless it answers as it should. */
export type Ask = (server: string, signal: AbortSignal) => Promise<void>;

/**
 * Asks a service five times a second, as a client that knows all its servers: it begins with the one that answered last, and asks
 * the next one too when that one fails or takes its time. The first answer counts ("hedged requests": J. Dean and L. A. Barroso,
 * The Tail at Scale, CACM 56, 2013).
 * @param options.limit milliseconds that a request may take
 * @returns a function that ends it and says how it was
 */
export function watchAvailability(
  servers: readonly string[],
  ask: Ask,
  { clock = realClock, limit = defaultLimit }: { readonly clock?: Clock; readonly limit?: number } = {},
): () => Promise<Availability> {
  const over = new AbortController();
  const watched = watch(servers, ask, over.signal, clock, limit);
  return async () => {
    over.abort();
    return await watched;
  };
}

async function watch(
  servers: readonly string[],
  ask: Ask,
  over: AbortSignal,
  clock: Clock,
  limit: number,
): Promise<Availability> {
  const rotation = [...servers];
  const sent: Promise<boolean>[] = [];
  const began = clock.now();
  const failures: string[] = [];
  let answered = began;
  let longestGap = 0;
  const request = async (): Promise<boolean> => {
    const at = clock.now();
    const { first, reasons } = await firstAnswer([...rotation], ask, clock, limit);
    if (first === null) {
      const said = servers.map((server) => `${server} ${reasons.get(server) ?? "said nothing"}`).join(", ");
      failures.push(`after ${((at - began) / 1000).toFixed(1)} s: ${said}`);
      return false;
    }
    longestGap = Math.max(longestGap, clock.now() - answered);
    answered = clock.now();
    // Later requests begin with it.
    const place = rotation.indexOf(first);
    rotation.push(...rotation.splice(0, place));
    return true;
  };
  while (!over.aborted) {
    sent.push(request());
    await clock.sleep(1000 / perSecond, over);
  }
  const outcomes = await Promise.all(sent);
  return {
    requests: outcomes.length,
    failed: outcomes.filter((answer) => !answer).length,
    longestGap: Math.round(Math.max(longestGap, clock.now() - answered) / 100) / 10,
    failures: failures.slice(0, told),
  };
}

/**
 * The server that answered first within so many milliseconds, and why the others did not. Each is asked when the one before it failed
 * or was waited for long enough, and asked again where it failed.
 */
async function firstAnswer(
  servers: readonly string[],
  ask: Ask,
  clock: Clock,
  limit: number,
): Promise<{ first: string | null; reasons: ReadonlyMap<string, string> }> {
  const end = new AbortController();
  const reasons = new Map<string, string>();
  const answered: string[] = [];
  const over = () => end.signal.aborted;
  /** Until the server, or any other one, answered, or the time is over. */
  const insist = async (server: string, failed: () => void): Promise<void> => {
    while (!over()) {
      try {
        await ask(server, end.signal);
        answered.push(server);
        end.abort();
      } catch (error) {
        if (!over()) reasons.set(server, error instanceof Error ? error.message : String(error));
        failed();
        await clock.sleep(pause, end.signal);
      }
    }
  };
  const asking = async () => {
    // However many they are, the last one is asked while it still can answer.
    const wait = Math.min(patience, limit / (servers.length + 1));
    for (const server of servers) {
      if (over()) return;
      const next = new AbortController();
      const skip = () => {
        next.abort();
      };
      end.signal.addEventListener("abort", skip);
      void insist(server, skip);
      await clock.sleep(wait, next.signal);
    }
  };
  const isOver = new Promise<void>((resolve) => {
    end.signal.addEventListener("abort", () => {
      resolve();
    });
  });
  void asking();
  void clock.sleep(limit, end.signal).then(() => {
    end.abort();
  });
  await isOver;
  return { first: answered[0] ?? null, reasons };
}

/** "0 of 412 requests failed, longest gap 0.4 s". */
export function describeAvailability(what: string, { requests, failed, longestGap, failures }: Availability): string {
  const summary = `${what}: ${failed} of ${requests} requests failed, longest gap ${longestGap} s`;
  return [summary, ...failures].join("; ");
}
