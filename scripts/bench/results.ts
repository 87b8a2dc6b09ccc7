import { compareOneMillion } from "./compare-one-million.ts";
import type { Bench } from "./figure.ts";

/** What reading, comparing and showing results costs as they grow. */
export const benchResults: Bench = async (run) => {
  for (const bench of [compareOneMillion]) if (!run.signal.aborted) await bench(run);
};
