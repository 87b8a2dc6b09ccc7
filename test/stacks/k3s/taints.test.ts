import test from "ava";
import { labelsAndTaints, renderTaints } from "../../../stacks/k3s/taints.ts";

const taints = {
  quiet: "NoSchedule",
  "bramble.dev/model": { value: "1.5", effect: "NoExecute" },
  empty: { value: "", effect: "PreferNoSchedule" },
} as const;

test("taints are written as kubectl writes them, in a fixed order", (t) => {
  t.deepEqual(renderTaints(taints), ["bramble.dev/model=1.5:NoExecute", "empty:PreferNoSchedule", "quiet:NoSchedule"]);
  t.deepEqual(renderTaints({}), []);
});

test("a label and a taint of the same key are two things", (t) => {
  t.deepEqual(labelsAndTaints({ labels: { quiet: "yes" }, taints }), {
    quiet: "yes",
    "taint quiet": ":NoSchedule",
    "taint bramble.dev/model": "1.5:NoExecute",
    "taint empty": ":PreferNoSchedule",
  });
});
