import type { Html } from "../../../../../scripts/lib/results/html.ts";
import { renderDistributions } from "../../../../../scripts/lib/results/plots/distributions.ts";
import { renderEffects } from "../../../../../scripts/lib/results/plots/effects.ts";
import { renderLatencyLoad } from "../../../../../scripts/lib/results/plots/latency-load.ts";
import { renderPareto } from "../../../../../scripts/lib/results/plots/pareto.ts";
import { renderPrediction } from "../../../../../scripts/lib/results/plots/prediction.ts";
import { renderTimeLines } from "../../../../../scripts/lib/results/plots/time-lines.ts";

const noon = Date.UTC(2026, 10, 23, 12);
const minute = 60_000;

/** Every plot with three sides, some of whose figures are not known. @param text stands wherever a name comes from outside */
export function examplePlots(text: (harmless: string) => string = (harmless) => harmless): Record<string, Html> {
  const sides = ["threads-1", "threads-2", "threads-4"].map((label, index) => ({ index, label: text(label) }));
  const scenario = text("chat");
  const each = <T>(of: (side: number) => T | readonly T[]) => sides.flatMap(({ index }) => of(index));
  return {
    effects: renderEffects(
      each((side) => ({
        side,
        label: scenario,
        ratio: 1 + side / 10,
        interval: [1, 1 + side / 5] as const,
        decided: side > 1,
      })).slice(1),
      0.05,
    ),
    distributions: renderDistributions({
      ...{ id: "distribution", label: "Decode rate, tokens/s", unit: "tokens/s", sides },
      blocks: each((side) =>
        [0, 1, 2].map((block) => ({
          ...{ side, block, figure: side === 2 && block === 1 ? null : 50 + side * 5 + block },
          samples: side === 2 && block === 1 ? [] : [-1, 0, 1].map((offset) => 50 + side * 5 + block + offset),
          raw: side === 2 ? null : text(`raw/block-${block}.ndjson`),
        })),
      ),
    }),
    latency: renderLatencyLoad(
      sides,
      each((side) =>
        [1, 2, 4].map((users) => ({
          ...{
            side,
            scenario: text(`users-${users}`),
            work: "questions",
            load: text(`${users} users`),
            offered: users,
          },
          throughput: side === 2 && users === 4 ? null : 10 + side + users,
          timeToFirstToken: { p50: 300 * users, p95: 500 * users },
          endToEnd: side === 1 ? null : { p50: 2 * users, p95: 3 * users },
        })),
      ),
    ),
    pareto: renderPareto(sides, [
      ...each((side) => ({
        ...{ side, label: scenario, decodeRate: 11 - side, joulesPerToken: 0.5 + side / 10, onFront: side === 0 },
        accuracy: side === 2 ? null : 0.5 + side / 10,
        interval: [0.4 + side / 10, 0.6 + side / 10] as const,
      })),
      {
        ...{ side: null, label: text("other"), accuracy: 0.45, interval: null, decodeRate: 12 },
        ...{ joulesPerToken: null, onFront: null },
      },
    ]),
    prediction: renderPrediction(
      sides,
      each((side) => ({ side, scenario, predicted: [9, 11] as const, measured: side === 2 ? null : 9 + side })),
    ),
    time: renderTimeLines(sides, [
      {
        ...{ site: text("lab"), node: text("pi-2") },
        samples: Array.from({ length: 10 }, (_, index) => ({
          at: noon + index * 0.6 * minute,
          temperature: index === 4 ? null : 60 + index,
          throttled: index === 6 ? 0x40004 : 0,
        })),
        runs: each((side) => ({
          ...{ side, block: 0, scenario, from: noon + side * 2 * minute, to: noon + (side * 2 + 1.8) * minute },
          ...{ rate: side === 2 ? null : 50 + side, raw: text("raw/block-0.ndjson") },
          ...{ temperature: side === 2 ? null : 66, throttled: side === 2 ? null : side * 4, believed: side !== 1 },
        })),
      },
    ]),
  };
}
