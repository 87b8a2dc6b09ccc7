import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { reportSchema, type NodeReport } from "../../../stacks/nodes/facts.ts";
import { applyPhase } from "../../../stacks/remote/apply-phase.ts";
import { repairReason } from "../../../stacks/remote/drift.ts";
import { textBlock, textFile, type Phase } from "../../../stacks/remote/phase.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleNode, runHere } from "../remote/run-python.ts";

async function probe(records: string, stamp = "/nonexistent"): Promise<NodeReport> {
  return reportSchema.parse(await runHere(["remote/managed.py", "nodes/probe.py"], { records, stamp }));
}

const onThisMachine = (title: string, run: (t: ExecutionContext) => Promise<void>) => {
  testWithTools(["python3"], title, run);
};

onThisMachine("a machine's facts are read, and what it does not have is null", async (t) => {
  const { records } = exampleNode(t);
  const { facts, health, stamp, records: seen } = await probe(records);
  t.true((facts.memoryMegabytes ?? 0) > 100);
  t.true(facts.pageSize >= 4096);
  t.truthy(facts.architecture);
  t.truthy(facts.kernel);
  t.true(health.clock > 1.7e9);
  t.is(stamp, null);
  t.deepEqual(seen, {});
});

onThisMachine("a card's stamp is handed over as it is, and a broken one is none", async (t) => {
  const { records, directory } = exampleNode(t);
  const file = join(directory, "bramble.json");
  writeFileSync(file, '{"node": "pi-1"}');
  t.deepEqual((await probe(records, file)).stamp, { node: "pi-1" });
  writeFileSync(file, '{"node": ');
  t.is((await probe(records, file)).stamp, null);
});

onThisMachine("each way to change a file by hand is seen, repaired once, and seen again when done again", async (t) => {
  const { apply, records, directory, owner } = exampleNode(t);
  const [file, block] = [join(directory, "a.conf"), join(directory, "hosts")];
  writeFileSync(block, "127.0.0.1 localhost\n");
  const phase: Phase = {
    node: "pi-1",
    name: "trial",
    files: [textFile(file, "wanted", { mode: "0600", owner }), textBlock(block, "10.0.0.1 pi-1\n")],
    directories: [],
    steps: [],
    removal: [],
  };
  const reason = async () => repairReason(phase, (await probe(records)).records, "m");
  t.is(await reason(), "not on pi-1 yet (machine m)");
  await applyPhase(phase, apply);
  const edits: (() => void)[] = [
    () => {
      writeFileSync(file, "edited");
    },
    () => {
      chmodSync(file, 0o644);
    },
    () => {
      writeFileSync(block, readFileSync(block, "utf8").replace("10.0.0.1", "10.0.0.2"));
    },
  ];
  const reasons = new Set<string | undefined>();
  for (const edit of [...edits, ...edits.slice(0, 1)]) {
    edit();
    reasons.add(await reason());
    await applyPhase(phase, apply);
    t.is(await reason(), undefined);
  }
  t.is(reasons.size, edits.length + 1);
});

onThisMachine("a record that nothing can be read from is no record", async (t) => {
  const { records } = exampleNode(t);
  mkdirSync(records);
  writeFileSync(join(records, "trial.json"), "{");
  t.deepEqual((await probe(records)).records, {});
});
