import test from "ava";
import { checkLikeness, type Likeness, type Measured } from "../../../../scripts/lib/results/likeness.ts";
import { manifestSchema, type Manifest } from "../../../../scripts/lib/results/manifest.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import type { Plan } from "../../../../workloads/benchmark/plan.ts";
import { modelDigest, provenance, syntheticOutputs, syntheticPlan, syntheticVariant } from "./synthetic-run.ts";

function manifest(changes: Partial<Plan> = {}, others: Partial<Manifest> = {}): Manifest {
  const { facts, versions, ...outputs } = syntheticOutputs(syntheticPlan(changes));
  return manifestSchema.parse({
    schema: 3,
    nodesAfter: {},
    samples: [],
    stack: "one",
    ...outputs,
    planDigest: "0".repeat(64),
    versions: { ...versions, ollama: ["0.17.4"] },
    nodes: facts,
    ...provenance,
    measured: null,
    collectedAt: "2026-11-23T12:00:00Z",
    blocks: [],
    ...others,
  });
}

const { scenarios, prompts, images, server } = syntheticPlan();
const base = manifest();
const [facts] = Object.values(base.nodes);
const chat = scenarios.chat;
if (facts === undefined || chat === undefined) throw new Error("the synthetic plan lacks what the tests change");
const versions = base.versions;

const variantOf = ({ plan }: Manifest) => Object.keys(plan.variants)[0] ?? "";

const believed = { throttled: [], invalid: [] };
const measured = (one: Manifest, changes: Partial<Measured> = {}): Measured => ({
  run: { measurement: one.runId, manifest: one },
  variant: variantOf(one),
  leftOut: believed,
  ...changes,
});
const again = (one: Manifest) => ({ run: { measurement: `${one.runId}-2`, manifest: one } });

function check([a, b]: readonly [Manifest, Manifest], allow: readonly string[]): Likeness {
  const [likeness] = checkLikeness([measured(a), measured(b, again(b))], allow);
  if (likeness === undefined) throw new Error("nothing was compared");
  return likeness;
}

/** Each field that must be equal, with a manifest that differs in it alone. */
const unlike: Record<string, Manifest> = {
  blocks: manifest({ blocks: 7 }),
  seed: manifest({ seed: 2 }),
  primary: manifest({ primary: ["end-to-end"] }),
  model: manifest({ models: { gemma: { reference: "gemma3:270m", digest: modelDigest.replace("5", "6") } } }),
  "images.ollama": manifest({ images: { ...images, ollama: "bramble/ollama:0.18.0" } }),
  "images.runner": manifest({ images: { ...images, runner: "bramble/node:26" } }),
  runner: manifest({ runner: "8".repeat(64) }),
  "scenarios.chat.maxTokens": manifest({ scenarios: { ...scenarios, chat: { ...chat, maxTokens: 33 } } }),
  "scenarios.chat.load.requests": manifest({
    scenarios: { ...scenarios, chat: { ...chat, load: { kind: "closed", users: 1, requests: 6 } } },
  }),
  "scenarios.chat.cold": manifest({ scenarios: { ...scenarios, chat: { ...chat, cold: true } } }),
  "server.parallel": manifest({ server: { ...server, parallel: 2 } }),
  coolDown: manifest({ coolDown: { below: 60, limit: 100 } }),
  "prompts.questions": manifest({ prompts: { ...prompts, questions: ["Why is the sea blue?"] } }),
  "versions.k3s": manifest({}, { versions: { ...versions, k3s: "v1.35.0+k3s1" } }),
  "versions.ollama": manifest({}, { versions: { ...versions, ollama: ["0.17.4", "0.18.0"] } }),
  "nodes.model.architecture": manifest(
    {},
    { nodes: { ...base.nodes, "agent-1": { ...facts, architecture: "x86_64" } } },
  ),
  "nodes.model.pageSize": manifest({}, { nodes: { ...base.nodes, "agent-1": { ...facts, pageSize: 4096 } } }),
  "nodes.model.gigabytes": manifest({}, { nodes: { ...base.nodes, "agent-1": { ...facts, memoryMegabytes: 4041 } } }),
  "nodes.runner.model": manifest({}, { nodes: { ...base.nodes, server: { ...facts, model: "Raspberry Pi 4" } } }),
  "nodes.shared": manifest({
    nodes: { models: ["server"], runner: "server" },
    variants: { base: { ...syntheticVariant, node: "server" } },
  }),
};

for (const [field, other] of Object.entries(unlike)) {
  test(`refuses another ${field}, and says so`, (t) => {
    const error = t.throws(() => check([base, other], []), { instanceOf: UserError });
    t.regex(error.message, new RegExp(`this differs:\n  - ${field.replaceAll(".", "\\.")}: .+ \\| .+\n`));
    t.true(error.message.endsWith(`--allow ${field}`));
  });
  test(`lets another ${field} pass where it is allowed, by its name or its group's`, (t) => {
    for (const name of [field, field.split(".")[0] ?? ""])
      t.deepEqual(
        check([base, other], [name]).allowed.map((difference) => difference.field),
        [field],
      );
  });
}

test("names every difference at once", (t) => {
  const other = manifest({ blocks: 7, seed: 2, runner: "8".repeat(64) });
  const error = t.throws(() => check([base, other], ["seed"]), { instanceOf: UserError });
  t.regex(
    error.message,
    /^one \([0-9a-f]{12}\) and one \([0-9a-f]{12}-2\) did not measure alike; these 2 differ:\n {2}- blocks: 6 \| 7\n {2}- runner: /,
  );
});

test("names the differences of each of several", (t) => {
  const [second, third] = [manifest({ seed: 2 }), manifest({ blocks: 7 })];
  const all = [measured(base), measured(second, again(second)), measured(third)];
  const error = t.throws(() => checkLikeness(all, []), { instanceOf: UserError });
  t.regex(error.message, /this differs:\n {2}- seed: 1 \| 2\n.*this differs:\n {2}- blocks: 6 \| 7\n/s);
  t.regex(error.message, /--allow seed --allow blocks$/);
  t.deepEqual(
    checkLikeness(all, ["seed", "blocks"]).map(({ allowed }) => allowed.map(({ field }) => field)),
    [["seed"], ["blocks"]],
  );
});

for (const reason of ["throttled", "invalid"] as const)
  test(`refuses what is ${reason} on either side, and on both alike`, (t) => {
    const bad = { leftOut: { ...believed, [reason]: ["chat of block 2 (0x4)"] } };
    for (const [one, other] of [
      [{}, bad],
      [bad, {}],
      [bad, bad],
    ]) {
      const all = [measured(base, one), measured(base, { ...again(base), ...other })];
      t.throws(() => checkLikeness(all, []), { message: new RegExp(`- ${reason}: .*chat of block 2`) });
      t.deepEqual(
        checkLikeness(all, [reason]).map(({ allowed }) => allowed.map(({ field }) => field)),
        [[reason]],
      );
    }
  });

test("of many runs that are left out, three are named", (t) => {
  const bad = { leftOut: { ...believed, throttled: ["one", "two", "three", "four", "five"] } };
  t.throws(() => checkLikeness([measured(base), measured(base, { ...again(base), ...bad })], []), {
    message: /- throttled: none \| one, two, three, and 2 more\n/,
  });
});

test("variants, series, site and the nodes' names may differ", (t) => {
  const other = manifest(
    {
      series: 2,
      variants: { fast: { ...syntheticVariant, node: "b", threads: 4, context: 2048, modules: "role" } },
      nodes: { models: ["b"], runner: "a" },
    },
    { site: "other", nodes: { a: facts, b: facts } },
  );
  t.deepEqual(check([base, other], []), { allowed: [], unknown: [] });
});

test("a board that only one side knows is a difference; one that neither knows is named", (t) => {
  const nameless = manifest({}, { nodes: { ...base.nodes, "agent-1": { ...facts, model: null } } });
  t.throws(() => check([base, nameless], []), { message: /nodes.model.model: Raspberry Pi 5.* \| unknown/ });
  t.deepEqual(check([nameless, nameless], []).unknown, ["nodes.model.model"]);
});

test("a field that does not exist can't be allowed", (t) => {
  for (const field of ["nonsense", "node", "versions.k", ""])
    t.throws(() => check([base, base], [field]), { instanceOf: UserError, message: /there is no such field/ });
});
