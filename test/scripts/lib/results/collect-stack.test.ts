import test from "ava";
import type { Collected } from "../../../../scripts/lib/results/collect-run.ts";
import { describeCollected } from "../../../../scripts/lib/results/collect-stack.ts";
import { resultsLayout } from "../../../../scripts/lib/results/layout.ts";
import type { BlockSummary } from "../../../../scripts/lib/results/manifest.ts";

const layout = resultsLayout();
const measurement = "0123456789ab-2";
const counts = { order: null, records: 1, attempts: 1, tornLines: 0 };
const blocks: BlockSummary[] = [
  { block: 0, state: "sealed", problem: null, sha256: "0".repeat(64), ...counts },
  { block: 1, state: "partial", problem: "1 of 2 runs ended", sha256: "1".repeat(64), ...counts },
];
const described: [Collected, string][] = [
  [
    {
      stack: "one",
      measurement,
      outcome: "partial",
      directory: layout.partial("one", measurement),
      blocks,
      note: "measured anew",
    },
    `one: run ${measurement} not sealed yet, 1 of 2 blocks (results/one/${measurement}.partial)
  measured anew
  block 1: partial, 1 of 2 runs ended`,
  ],
  [
    {
      stack: "one",
      measurement,
      outcome: "present",
      directory: layout.sealed("one", measurement),
      blocks: [],
      note: null,
    },
    `one: run ${measurement} is sealed already, nothing to do (results/one/${measurement})`,
  ],
];

for (const [collected, text] of described)
  test(`tells what is ${collected.outcome}`, (t) => {
    t.is(describeCollected(collected), text);
  });
