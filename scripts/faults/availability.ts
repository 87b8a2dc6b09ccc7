import { clock as realClock, type Clock } from "../../stacks/clock.ts";

/** How a service fared while something went wrong. */
export interface Availability {
  readonly requests: number;
  readonly failed: number;
  /** The longest time between two answers, in seconds. */
  readonly longestGap: number;
}

/** Milliseconds that a request may take, over all servers that it is tried on. */
export const defaultLimit = 1000;
/** Milliseconds of the first round over all servers; each further one has twice as many, for servers that are slow. */
const firstRound = 1000;
/** The part of a round after which a server that says nothing counts as away, so that the next one can still answer in time. */
const patience = 0.3;
/** Milliseconds until a request that no server answered tries them again, while it still may. */
const pause = 100;
const perSecond = 5;

/** Asks one server; rejects unless it answers as it should. */
export type Ask = (server: string, signal: AbortSignal) => Promise<void>;

/**
 * Asks a service five times a second, as a client that knows all its servers: it stays with the one that answered last and goes
 * on to the next when that one fails.
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
  let answered = clock.now();
  let longestGap = 0;
  /** One round over all servers in so many milliseconds, whoever answered last first. */
  const round = async (milliseconds: number): Promise<boolean> => {
    const deadline = clock.now() + milliseconds;
    for (const [index, server] of [...rotation].entries()) {
      const left = deadline - clock.now();
      const others = rotation.length - index - 1;
      // The last one gets all that is left, and however many there are, each one something.
      const part = others === 0 ? left : Math.min(patience * milliseconds, left / (others + 1));
      if (await answers(ask, server, part, clock)) {
        longestGap = Math.max(longestGap, clock.now() - answered);
        answered = clock.now();
        return true;
      }
      // Later requests begin with the others.
      if (rotation[0] === server) rotation.push(...rotation.splice(0, 1));
    }
    return false;
  };
  const request = async (): Promise<boolean> => {
    const deadline = clock.now() + limit;
    for (let milliseconds = firstRound; clock.now() < deadline; milliseconds *= 2) {
      if (await round(Math.min(milliseconds, deadline - clock.now()))) return true;
      await clock.sleep(pause);
    }
    return false;
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
  };
}

/** Whether a server answers in time, as it should. */
async function answers(ask: Ask, server: string, milliseconds: number, clock: Clock): Promise<boolean> {
  const late = new AbortController();
  const done = new AbortController();
  const asked = ask(server, late.signal).then(
    () => true,
    () => false,
  );
  const outcome = await Promise.race([asked, clock.sleep(milliseconds, done.signal).then(() => "late" as const)]);
  if (outcome === "late") late.abort();
  done.abort();
  return outcome === true;
}

/** "0 of 412 requests failed, longest gap 0.4 s". */
export function describeAvailability(what: string, { requests, failed, longestGap }: Availability): string {
  return `${what}: ${failed} of ${requests} requests failed, longest gap ${longestGap} s`;
}
