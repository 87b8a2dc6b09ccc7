/** A thread of startMemoryLoad: reads its share of the memory from its beginning to its end, over and over, until it is terminated. */
import { parentPort, workerData } from "node:worker_threads";

/** Bytes between two notes of progress. */
const stride = 2 ** 20;

export interface MemoryShare {
  readonly memory: SharedArrayBuffer;
  /** Bytes that all threads have read. */
  readonly progress: BigInt64Array;
  readonly offset: number;
  /** Whole strides. */
  readonly length: number;
}

function readForever({ memory, progress, offset, length }: MemoryShare): never {
  const mine = new Float64Array(memory, offset, length / 8);
  const step = stride / 8;
  // Four sums: one alone would wait for each addition, and not for memory.
  const sums = new Float64Array(4);
  for (;;)
    for (let start = 0; start < mine.length; start += step) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let at = start; at < start + step; at += 4) {
        a += mine[at] ?? 0;
        b += mine[at + 1] ?? 0;
        c += mine[at + 2] ?? 0;
        d += mine[at + 3] ?? 0;
      }
      // Kept, so that no compiler leaves the reading out.
      sums.set([a, b, c, d]);
      Atomics.add(progress, 0, BigInt(stride));
    }
}

parentPort?.postMessage("ready");
readForever(workerData as MemoryShare);
