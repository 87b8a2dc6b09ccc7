import { compareOneMillion } from "./compare-one-million.ts";
import type { Bench } from "./figure.ts";
import { reportOpens } from "./report-opens.ts";

/** What reading, comparing and showing results costs as they grow. */
export const benchResults: Bench = async (run) => {
  for (const bench of [compareOneMillion, reportOpens]) if (!run.signal.aborted) await bench(run);
};
