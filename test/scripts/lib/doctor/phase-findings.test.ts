import test from "ava";
import type { NodeReport } from "../../../../stacks/nodes/facts.ts";
import type { Records } from "../../../../stacks/remote/drift.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import type { Seen } from "../../../../scripts/lib/doctor/seen.ts";
import { phaseFindings } from "../../../../scripts/lib/doctor/phase-findings.ts";
import { exampleSite, finder, ofEachNode, withNode } from "./healthy.ts";
import { wholeSeen } from "./healthy-records.ts";

const { findsNothing, findsOne, linesOf } = finder(ofEachNode(phaseFindings));

/** A node's records with one of them changed. */
function withRecord(
  node: string,
  phase: string,
  change: (record: Records[string]) => Partial<Records[string]>,
  seen = wholeSeen(),
): Seen {
  const { records } = seen.nodes.get(node) as NodeReport;
  const record = records[phase];
  if (record === undefined) throw new Error(`no record ${phase}`);
  return withNode(node, { records: { ...records, [phase]: { ...record, ...change(record) } } }, seen);
}

const running = { pid: 1, hostname: "here", alive: true };

test("a phase that was begun and never ended is wrong", (t) => {
  const half = withRecord("pi-4", "k3s", () => ({ applied: null }));
  findsOne(t, half, /^wrong pi-4: k3s was begun and is not finished \| npm run up -- barn goes on from there$/);
  const pending = withRecord("pi-4", "k3s", () => ({ pending: ["restarted k3s-agent.service"] }));
  findsOne(t, pending, /^wrong pi-4: k3s was begun and is not finished; still to do: "restarted k3s-agent\.service"/);
});

test("while an update runs, what it has begun is noted", (t) => {
  const seen = withRecord("pi-4", "k3s", () => ({ applied: null }));
  const lines = linesOf({ ...seen, stack: { ...seen.stack, lock: [running] } });
  t.regex(lines.join("\n"), /^note pi-4: k3s was begun/m);
  t.true(lines.every((line) => !line.startsWith("wrong")));
});

test("what somebody changed since is a warning that names it", (t) => {
  const seen = withRecord("pi-4", "k3s", ({ files }) => ({
    files: {
      ...files,
      "/etc/rancher/k3s/config.yaml": {
        installed: files["/etc/rancher/k3s/config.yaml"]?.installed ?? { sha256: null },
        present: null,
      },
    },
  }));
  findsOne(
    t,
    seen,
    /^warning pi-4: k3s: \/etc\/rancher\/k3s\/config\.yaml removed on pi-4 since 2027-02-01.* \| npm run up -- barn repairs it$/,
  );
});

test("a label that is gone is told of the node that it was on, not of the server that keeps it", (t) => {
  const labelled = exampleSite();
  const { "pi-4": agent } = labelled.nodes;
  const of = {
    ...labelled,
    nodes: { ...labelled.nodes, "pi-4": { ...agent, labels: { "bramble.dev/shelf": "2" } } },
  } as typeof labelled;
  const seen = withRecord("pi-1", "membership-pi-4", () => ({
    labels: { node: "pi-4", installed: { "bramble.dev/shelf": "2" }, present: { "bramble.dev/shelf": null } },
  }));
  const lines = linesOf(seen, of);
  t.regex(lines.join("\n"), /^warning pi-4: membership-pi-4: label bramble\.dev\/shelf of pi-4 gone/m);
});

test("a configuration that changed since is no drift", (t) => {
  findsNothing(t, wholeSeen(), exampleSite({ k3s: { eviction: { diskPercent: 7 } } }));
});

test("that K3s is stopped is told once, and that its unit is disabled all the same", (t) => {
  const unit = (state: { active: boolean; enabled: boolean }) =>
    withRecord("pi-4", "k3s", ({ units }) => ({
      units: Object.fromEntries(
        Object.entries(units).map(([name, { installed }]) => [
          name,
          { installed, present: { masked: false, ...state } },
        ]),
      ),
    }));
  findsNothing(t, unit({ active: false, enabled: true }));
  findsOne(t, unit({ active: true, enabled: false }), /^warning pi-4: k3s: k3s-agent\.service disabled/);
});

test("a node whose card was emptied has nothing of what was done there", (t) => {
  const { records } = wholeSeen().nodes.get("pi-4") as NodeReport;
  findsOne(
    t,
    withNode(
      "pi-4",
      { records: Object.fromEntries(Object.entries(records).filter(([name]) => name !== "access")) },
      wholeSeen(),
    ),
    /^wrong pi-4: an update did access, and nothing of it is there/,
  );
});

test("where artefacts are missing on this machine, K3s's files are not compared, and all else is", (t) => {
  const seen = withRecord("pi-4", "k3s", ({ files }) => ({
    files: Object.fromEntries(
      Object.entries(files).map(([path, { installed }]) => [path, { installed, present: null }]),
    ),
  }));
  t.is(linesOf(seen).length, 1);
  const bundleProblem = new UserError({ what: "has no bundle", next: "npm run bundle -- <site>" });
  findsNothing(
    t,
    { ...seen, bundleProblem },
    exampleSite({ k3s: { binary: { url: "https://example.org/k3s", sha256: "1".repeat(64) } } }),
  );
  const half = withRecord("pi-4", "k3s", () => ({ applied: null }));
  findsOne(t, { ...half, bundleProblem }, /^wrong pi-4: k3s was begun/);
});
