import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { labelsAndTaints } from "../../../stacks/k3s/taints.ts";
import type { SiteNode } from "../../../stacks/config/site.ts";
import { applyPhase, removePhase } from "../../../stacks/remote/apply-phase.ts";
import { onThisMachine, setUp } from "./example-phase.ts";

/** A cluster with pi-2 in it, and a phase that keeps its labels and taints. */
function setUpCluster(t: ExecutionContext, ...lines: string[]) {
  const all = setUp(t);
  mkdirSync(all.fake("nodes"));
  const write = (...now: string[]) => {
    writeFileSync(all.fake("nodes/pi-2"), now.map((line) => `${line}\n`).join(""));
  };
  write(...lines);
  const there = () => readFileSync(all.fake("nodes/pi-2"), "utf8").trim().split("\n").sort();
  const keeping = (taints: SiteNode["taints"], labels: SiteNode["labels"] = {}) =>
    all.phase({ labels: { node: "pi-2", labels: labelsAndTaints({ labels, taints }) } });
  return { ...all, write, there, keeping };
}
const others = ["a.b/zone=north", "taint others.io/busy=:NoExecute"];

onThisMachine("taints are set once, with and without a value, beside those of others", async (t) => {
  const { apply, keeping, there, changes } = setUpCluster(t, ...others);
  const given = keeping({ "bramble.dev/llm": { value: "big", effect: "NoSchedule" }, slow: "PreferNoSchedule" });
  t.is(
    await applyPhase(given, apply),
    "pi-1 trial: tainted pi-2 bramble.dev/llm=big:NoSchedule, slow:PreferNoSchedule",
  );
  t.deepEqual(there(), [
    "a.b/zone=north",
    "taint bramble.dev/llm=big:NoSchedule",
    "taint others.io/busy=:NoExecute",
    "taint slow=:PreferNoSchedule",
  ]);
  t.deepEqual(changes(), ["taint --overwrite node pi-2 bramble.dev/llm=big:NoSchedule slow:PreferNoSchedule"]);
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
  t.is(changes().length, 1);
});

onThisMachine("another value or effect takes the place of the old one, in one request", async (t) => {
  const { apply, keeping, there, changes } = setUpCluster(t, ...others);
  await applyPhase(keeping({ llm: { value: "big", effect: "NoSchedule" } }), apply);
  t.is(
    await applyPhase(keeping({ llm: { value: "small", effect: "NoSchedule" } }), apply),
    "pi-1 trial: tainted pi-2 llm=small:NoSchedule",
  );
  t.deepEqual(there(), ["a.b/zone=north", "taint llm=small:NoSchedule", "taint others.io/busy=:NoExecute"]);
  t.is(await applyPhase(keeping({ llm: "NoExecute" }), apply), "pi-1 trial: tainted pi-2 llm:NoExecute");
  t.deepEqual(there(), ["a.b/zone=north", "taint llm=:NoExecute", "taint others.io/busy=:NoExecute"]);
  t.deepEqual(changes(), [
    "taint --overwrite node pi-2 llm=big:NoSchedule",
    "taint --overwrite node pi-2 llm=small:NoSchedule",
    "taint --overwrite node pi-2 llm:NoExecute llm:NoSchedule-",
  ]);
});

onThisMachine("taints and labels go when the configuration drops them, and those of others stay", async (t) => {
  const { apply, keeping, there } = setUpCluster(t, ...others);
  await applyPhase(keeping({ llm: "NoSchedule", slow: "NoSchedule" }, { disk: "nvme" }), apply);
  t.is(
    await applyPhase(keeping({ slow: "NoSchedule" }, { disk: "sd" }), apply),
    "pi-1 trial: labelled pi-2 disk=sd; took taint llm off pi-2",
  );
  t.is(await applyPhase(keeping({}), apply), "pi-1 trial: took label disk off pi-2; took taint slow off pi-2");
  t.deepEqual(there(), others);
  t.is(await applyPhase(keeping({}), apply), "pi-1 trial: nothing to do");
});

onThisMachine("what K3s registered the node with is the phase's own", async (t) => {
  const { apply, keeping, there, changes } = setUpCluster(t, ...others, "disk=nvme", "taint llm=:NoSchedule");
  t.is(await applyPhase(keeping({ llm: "NoSchedule" }, { disk: "nvme" }), apply), "pi-1 trial: nothing to do");
  t.deepEqual(changes(), []);
  await applyPhase(keeping({}), apply);
  t.deepEqual(there(), others);
});

onThisMachine("a phase that goes takes its labels and taints off, and keeps those of others", async (t) => {
  const { apply, keeping, there, fake } = setUpCluster(t, ...others);
  const given = keeping({ llm: "NoSchedule" }, { disk: "nvme" });
  await applyPhase(given, apply);
  t.is(await removePhase(given, apply), "pi-1 trial: took label disk off pi-2; took taint llm off pi-2");
  t.deepEqual(there(), others);
  t.false(existsSync(fake("../state/phases")));
  t.is(await removePhase(given, apply), "pi-1 trial: nothing to do");
});

onThisMachine("drift of a taint is named, repaired once, and then clean", async (t) => {
  const { apply, keeping, write, there, reason, seenRecords } = setUpCluster(t, ...others);
  const given = keeping({ llm: { value: "big", effect: "NoSchedule" } });
  await applyPhase(given, apply);
  for (const [drift, words] of [
    [[], "label taint llm of pi-2 gone"],
    [["taint llm=small:NoSchedule"], "label taint llm of pi-2 now small:NoSchedule"],
    [["taint llm=big:NoExecute"], "label taint llm of pi-2 now big:NoExecute"],
    [
      ["taint llm=big:NoSchedule", "taint llm=big:NoExecute"],
      "label taint llm of pi-2 now big:NoSchedule,big:NoExecute",
    ],
  ] as const) {
    write(...others, ...drift);
    t.is(await reason(given), `${words} since ${(await seenRecords()).trial?.applied ?? ""}`);
    await applyPhase(given, apply);
    t.is(await reason(given), undefined);
    t.deepEqual(there(), ["a.b/zone=north", "taint llm=big:NoSchedule", "taint others.io/busy=:NoExecute"]);
  }
});

onThisMachine("a node that is not there yet is waited for", async (t) => {
  const { apply, phase, fake } = setUpCluster(t);
  writeFileSync(fake("joins"), "pi-3");
  const given = phase({
    labels: { node: "pi-3", labels: labelsAndTaints({ labels: {}, taints: { llm: "NoSchedule" } }) },
  });
  t.is(await applyPhase(given, apply), "pi-1 trial: tainted pi-3 llm:NoSchedule");
});
