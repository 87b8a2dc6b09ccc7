import { compareOneMillion } from "./compare-one-million.ts";
import { collectRecords } from "./collect-records.ts";
import type { Bench } from "./figure.ts";
import { reportOpens } from "./report-opens.ts";

/** What reading, comparing and showing results costs as they grow. */
export const benchResults: Bench = async (run) => {
  for (const bench of [compareOneMillion, reportOpens, collectRecords]) if (!run.signal.aborted) await bench(run);
};
