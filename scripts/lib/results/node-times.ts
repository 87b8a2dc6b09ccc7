import type { Side } from "./comparison.ts";
import type { JudgedRun } from "./judged-runs.ts";
import { linkTo } from "./report-links.ts";
import type { SealedRun } from "./sealed-run.ts";
import { timeLinesOf, type TimePoint, type TimeSpan } from "./time-line.ts";

/** What went on at a serving node while sides were measured on it. */
export interface NodeTime {
  readonly site: string;
  readonly node: string;
  /** In time's order. */
  readonly samples: readonly Pick<TimePoint, "at" | "temperature" | "throttled">[];
  readonly runs: readonly NodeRun[];
}

export interface NodeRun extends Omit<TimeSpan, "variant"> {
  /** Its place in the row of sides. */
  readonly side: number;
  /** The address of its block's raw samples, from results/compare/. */
  readonly raw: string;
}

/** A time line for each node that served a side, with what all of the sides did there. */
export function nodeTimes(
  sides: readonly { readonly side: Side; readonly run: SealedRun; readonly variant: string }[],
  judged: ReadonlyMap<SealedRun, readonly JudgedRun[]>,
): NodeTime[] {
  const lines = [...judged].flatMap(([run, all]) =>
    timeLinesOf(all, run.samples).map(({ node, samples, runs }) => ({
      ...{ site: run.manifest.site, node, samples },
      runs: runs.flatMap(({ variant, ...span }) => {
        const index = sides.findIndex((one) => one.run === run && one.variant === variant);
        const side = sides[index]?.side;
        return side === undefined ? [] : [{ ...span, side: index, raw: linkTo.block(side, span.block) }];
      }),
    })),
  );
  return [...Map.groupBy(lines, ({ site, node }) => `${site} ${node}`).values()].flatMap((ofNode) => {
    const runs = ofNode.flatMap((line) => line.runs).sort((a, b) => a.from - b.from);
    const samples = ofNode.flatMap((line) => line.samples).sort((a, b) => a.at - b.at);
    return ofNode.slice(0, 1).flatMap(({ site, node }) => (runs.length === 0 ? [] : [{ site, node, samples, runs }]));
  });
}
