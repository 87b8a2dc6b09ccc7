import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { renewalReason } from "../../../stacks/k3s/certificate-renewal.ts";
import { labelsAndTaints } from "../../../stacks/k3s/taints.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { Records } from "../../../stacks/remote/drift.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { textFile, type Phase } from "../../../stacks/remote/phase.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { exampleK3s } from "../nodes/example-report.ts";

interface Registered {
  readonly create: string;
  readonly delete?: string;
  readonly stdin: string | { readonly value: string };
  readonly environment: Readonly<Record<string, string>>;
}
const registered = new Map<string, Registered>();
await pulumi.runtime.setMocks(
  {
    newResource: ({ name, inputs }) => {
      registered.set(name, inputs as Registered);
      return { id: `${name}-id`, state: {} };
    },
    call: () => ({}),
  },
  "bramble",
  "barn",
  false,
);
// After the mocks: the SDK reads its settings when it is loaded.
const { phaseCommand, visibleParts } = await import("../../../stacks/remote/phase-command.ts");

const site = exampleSite();
const endpoint = endpointOf(site, "pi-2", deriveSiteKeys(exampleRootSecret, site));
const file = textFile("/etc/trial", "secret words");
const phase: Phase = { node: "pi-2", name: "k3s", files: [file], directories: [], steps: [], removal: [] };
const applied = "2026-11-24T01:00:00.000Z";

function records(present: string): Records {
  const permissions = { mode: "0644", owner: "root:root" };
  const seen = { installed: { sha256: file.sha256, ...permissions }, present: { sha256: present, ...permissions } };
  const rest = { pending: [], directories: {}, units: {}, packages: {}, labels: null };
  return { k3s: { applied, files: { [file.path]: seen }, ...rest } };
}
const whole = { machine: "1f2e", records: records(file.sha256) };
const drifted = { machine: "1f2e", records: records("0".repeat(64)) };

let count = 0;
/** What Pulumi is given for the phase. */
async function register(args: Partial<Parameters<typeof phaseCommand>[1]>) {
  const name = `command-${count++}`;
  let ignored: string[] = [];
  const note: pulumi.ResourceTransformation = ({ opts, type }) => {
    if (type === "command:local:Command") ignored = opts.ignoreChanges ?? [];
    return undefined;
  };
  const { id } = phaseCommand(name, { phase, endpoint, seen: whole, ...args }, { transformations: [note] });
  await new Promise((resolve) => id.apply(resolve));
  const inputs = registered.get(name);
  if (inputs === undefined) throw new Error("nothing was registered");
  return { ...inputs, ignored };
}
const repairIgnored = ["environment.BRAMBLE_REPAIR"];

test("a phase that is as it should be names no repair, and what the last one left in the state makes no difference", async (t) => {
  for (const seen of [whole, undefined]) {
    const { environment, ignored } = await register({ seen });
    t.is(environment.BRAMBLE_REPAIR, undefined);
    t.deepEqual(ignored, repairIgnored);
  }
});

test("drift is a repair that a preview shows", async (t) => {
  const { environment, ignored } = await register({ seen: drifted });
  t.is(environment.BRAMBLE_REPAIR, `/etc/trial changed on pi-2 since ${applied}`);
  t.deepEqual(ignored, []);
});

test("what is due is shown until it is done, in the same words, and the next update is clean", async (t) => {
  const ending = (certificatesEnd: string) =>
    renewalReason(exampleK3s({ certificatesEnd }), new Date("2026-11-25T00:00:00Z"));
  const due = ending("2026-12-24T10:00:00Z");
  const first = await register({ due });
  t.is(first.environment.BRAMBLE_REPAIR, "certificates end on 2026-12-24");
  t.deepEqual(first.ignored, []);
  // The state has these words now: as long as they are the same, nothing is done again.
  t.is((await register({ due })).environment.BRAMBLE_REPAIR, first.environment.BRAMBLE_REPAIR);

  const renewed = ending("2027-11-25T00:00:00Z");
  t.is(renewed, undefined);
  const after = await register({ due: renewed });
  t.is(after.environment.BRAMBLE_REPAIR, undefined);
  t.deepEqual(after.ignored, repairIgnored);
  t.not(ending("2026-12-31T00:00:00Z"), due, "another end is another reason");
});

test("drift goes before what is due: its repair may be that very restart", async (t) => {
  const { environment } = await register({ seen: drifted, due: "certificates end on 2026-12-24" });
  t.regex(environment.BRAMBLE_REPAIR ?? "", /^\/etc\/trial changed/);
});

test("a phase has the runner's programs, or its own with what it is given, and remove stays the runner's", async (t) => {
  const input = ({ stdin }: Registered) => JSON.parse(typeof stdin === "string" ? stdin : stdin.value) as object;
  const plain = await register({});
  t.is(plain.create, "node remote/run-phase.ts apply");
  t.is(plain.delete, "node remote/run-phase.ts remove");
  t.deepEqual(Object.keys(input(plain)).sort(), ["endpoint", "phase"]);
  const own = await register({ program: { create: "k3s/change-node.ts", input: { role: "agent" } } });
  t.is(own.create, "node k3s/change-node.ts");
  t.is(own.delete, "node remote/run-phase.ts remove");
  t.deepEqual(input(own), { role: "agent", ...input(plain) });
  const both = await register({ program: { create: "a.ts apply", delete: "a.ts remove", input: {} } });
  t.is(both.delete, "node a.ts remove");
});

test("a diff shows what is visible and no content", async (t) => {
  const { environment } = await register({ visible: { BRAMBLE_K3S: "v1.35.4+k3s1" } });
  t.is(environment.BRAMBLE_K3S, "v1.35.4+k3s1");
  t.is(environment.BRAMBLE_NODE, "bramble@192.168.7.12:22");
  t.regex(environment["/etc/trial"] ?? "", /^12 B 0644 sha256 [0-9a-f]{8}$|^0\.0 kB 0644 sha256 [0-9a-f]{8}$/);
  t.false(JSON.stringify(environment).includes("secret words"));
});

test("labels and taints are shown as what they are", (t) => {
  const labels = labelsAndTaints({ labels: { disk: "nvme" }, taints: { llm: "NoSchedule" } });
  t.deepEqual(visibleParts({ ...phase, files: [], labels: { node: "pi-2", labels } }), {
    "label disk of pi-2": "nvme",
    "taint llm of pi-2": ":NoSchedule",
  });
});
