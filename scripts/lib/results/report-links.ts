import type { Side } from "./comparison.ts";
import { manifestName, rawPath } from "./layout.ts";

type Run = Pick<Side, "stack" | "measurement">;

/** Relative addresses of a sealed run's files, as seen from results/compare/. */
export const linkTo = {
  block: (run: Run, block: number) => `${directory(run)}/${rawPath(block)}`,
  raw: (run: Run) => `${directory(run)}/raw/`,
  manifest: (run: Run) => `${directory(run)}/${manifestName}`,
};

function directory({ stack, measurement }: Run): string {
  return `../${encodeURIComponent(stack)}/${encodeURIComponent(measurement)}`;
}
