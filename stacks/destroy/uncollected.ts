import type { CollectedRun } from "./collected-runs.ts";
import type { RunsOnNode } from "./runs-on-node.ts";

/** A run on a node of which nothing was sealed. */
export interface Uncollected {
  readonly node: string;
  readonly runId: string;
  /** Blocks that began. */
  readonly blocks: number;
}

/**
 * The runs on a node that began and that no sealed measurement here shares a block with. What a run measured after it was sealed as
 * final does not count: it would never be collected.
 */
export async function uncollectedOn(
  node: string,
  runs: RunsOnNode,
  collected: (runId: string) => Promise<readonly CollectedRun[]>,
): Promise<Uncollected[]> {
  const found: Uncollected[] = [];
  for (const [runId, starts] of runs) {
    if (starts.length === 0) continue;
    const sealed = await collected(runId);
    if (!sealed.some((measurement) => starts.some((start) => measurement.has(start))))
      found.push({ node, runId, blocks: starts.length });
  }
  return found;
}

/** A line for each run. */
export function describeUncollected(runs: readonly Uncollected[]): string {
  return runs
    .map(({ node, runId, blocks }) => `    ${node}: run ${runId}, ${blocks} block${blocks === 1 ? "" : "s"}`)
    .join("\n");
}
