import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of chunks after which their memory is collected: 1 GiB takes 70 ms of collecting (measured). */
const interval = 4 << 20;

let used = 0;
let collect: ((options: { type: "minor" }) => void) | undefined;

/**
 * Says that so many bytes of a stream's chunks were used, and has their memory freed now and then. By itself the collector, which
 * counts the small objects and not the memory that they hold, lets 70 to 90 MB of it gather (measured), for which there is no
 * other remedy: Node's streams take new memory for each chunk.
 */
export function countUsed(bytes: number): void {
  used += bytes;
  if (used < interval) return;
  used = 0;
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as NonNullable<typeof collect>;
  }
  collect({ type: "minor" });
}
