import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { processors } from "./processor.ts";
import type { MemoryShare } from "./read-memory.ts";

/** What all threads read together, in bytes: far more than most caches hold, as a model's weights are. */
const size = 256 * 2 ** 20;
/** Each thread's share is whole megabytes. */
const unit = 2 ** 20;

/** A load like a model's decoding: all processors read memory from its beginning to its end, over and over. */
export interface MemoryLoad {
  /** Bytes read since it began. */
  bytes(): number;
  stop(): Promise<void>;
}

export async function startMemoryLoad(): Promise<MemoryLoad> {
  const memory = new SharedArrayBuffer(size);
  new Float64Array(memory).fill(1);
  const progress = new BigInt64Array(new SharedArrayBuffer(8));
  const length = Math.floor(size / processors / unit) * unit;
  const workers = Array.from({ length: processors }, (_, index) => {
    const share: MemoryShare = { memory, progress, offset: index * length, length };
    return new Worker(join(import.meta.dirname, "read-memory.ts"), { workerData: share });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  return {
    bytes: () => Number(Atomics.load(progress, 0)),
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
