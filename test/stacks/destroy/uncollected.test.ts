import test from "ava";
import { describeUncollected, uncollectedOn } from "../../../stacks/destroy/uncollected.ts";

const sealed = (runs: Readonly<Record<string, readonly string[][]>>) => (runId: string) =>
  Promise.resolve((runs[runId] ?? []).map((starts) => new Set(starts)));

test("a run that began and shares no block with what was sealed is uncollected", async (t) => {
  const onNode = new Map([
    ["never-collected", ["a", "b"]],
    ["collected", ["c", "d"]],
    ["collected-as-final", ["e", "f"]],
    ["measured-anew", ["new"]],
    ["never-began", []],
  ]);
  const found = await uncollectedOn(
    "pi-2",
    onNode,
    sealed({ collected: [["c", "d"]], "collected-as-final": [["x"], ["e"]], "measured-anew": [["old"]] }),
  );
  t.deepEqual(found, [
    { node: "pi-2", runId: "never-collected", blocks: 2 },
    { node: "pi-2", runId: "measured-anew", blocks: 1 },
  ]);
});

test("says for each run where it lies and how much it is", (t) => {
  const text = describeUncollected([
    { node: "pi-1", runId: "0123456789ab", blocks: 1 },
    { node: "pi-2", runId: "ba9876543210", blocks: 12 },
  ]);
  t.is(text, "    pi-1: run 0123456789ab, 1 block\n    pi-2: run ba9876543210, 12 blocks");
});
