import test from "ava";
import { judgedRuns } from "../../../../scripts/lib/results/judged-runs.ts";
import { nodeTimes } from "../../../../scripts/lib/results/node-times.ts";
import { openSealedRun } from "../../../../scripts/lib/results/sealed-run.ts";
import { sideOf } from "../../../../scripts/lib/results/sides.ts";
import { emptyResults, inTurn, sealSynthetic, syntheticPlan, syntheticVariant } from "./synthetic-run.ts";

test("what sides did on one node is one time line, without what is no side", async (t) => {
  const layout = await emptyResults(t);
  const variants = { base: syntheticVariant, other: { ...syntheticVariant, threads: 4 } };
  await sealSynthetic(layout, "one", syntheticPlan({ variants }), { start: inTurn(0) });
  await sealSynthetic(layout, "two", syntheticPlan({ variants }), { start: inTurn(1) });
  const runs = [await openSealedRun(layout, "one"), await openSealedRun(layout, "two")];
  const sides = runs.map((run) => ({ run, variant: "base", side: sideOf("base", { run, variant: "base" }) }));
  const times = nodeTimes(sides, new Map(runs.map((run) => [run, judgedRuns(run)])));
  t.deepEqual(
    times.map(({ site, node }) => [site, node]),
    [["lab", "agent-1"]],
  );
  const turns = times.flatMap((time) => time.runs.map(({ side, block }) => `${block}${side}`));
  t.deepEqual([...new Set(turns)], ["00", "01", "10", "11", "20", "21", "30", "31", "40", "41", "50", "51"]);
  t.is(turns.length, 2 * 6 * 2);
  t.is(times[0]?.runs[2]?.raw, `../two/${runs[1]?.measurement ?? ""}/raw/block-0.ndjson`);
});
