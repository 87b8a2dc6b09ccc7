import { createHash } from "node:crypto";
import type { Load } from "./plan.ts";

/** Which run's schedule: each has one of its own, the same for plans of the same shape. */
export interface SchedulePlace {
  readonly block: number;
  readonly run: number;
}

/**
 * When the requests of an open loop are due, in milliseconds from the run's start; null for a closed loop, in which an
 * answer brings the next request about. Fixed by seed and place, for ever.
 */
export function scheduleOf(load: Load, seed: number, place: SchedulePlace): number[] | null {
  const requests = Array.from({ length: load.requests }, (_, index) => index);
  switch (load.kind) {
    case "closed":
      return null;
    case "constant":
      return requests.map((index) => (index / load.rate) * 1000);
    case "burst":
      return requests.map((index) => Math.floor(index / load.size) * load.interval * 1000);
    case "poisson": {
      let due = 0;
      // Exponential gaps; the first request comes after one too, so that runs do not all begin alike.
      return requests.map((index) => (due += (-Math.log(uniform(seed, place, index)) / load.rate) * 1000));
    }
  }
}

/** A number in (0, 1]: the first 52 bits of SHA-256 of "bramble/arrival/v1/<seed>/<block>/<run>/<index>", which any language can repeat. */
function uniform(seed: number, { block, run }: SchedulePlace, index: number): number {
  const digest = createHash("sha256").update(`bramble/arrival/v1/${seed}/${block}/${run}/${index}`).digest("hex");
  return (Number.parseInt(digest.slice(0, 13), 16) + 1) / 2 ** 52;
}
