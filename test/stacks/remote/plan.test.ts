import test from "ava";
import { repairReason, type Records } from "../../../stacks/remote/drift.ts";
import { artefactFile, textBlock, textFile, type Phase } from "../../../stacks/remote/phase.ts";
import { planOf } from "../../../stacks/remote/plan.ts";

const files = [
  artefactFile("/usr/local/bin/k3s", { file: "k3s", sha256: "a".repeat(64) }, { mode: "0755", owner: "root:root" }),
  textFile("/etc/config.yaml", "x".repeat(321)),
  textBlock("/etc/hosts", "10.0.0.1 pi-1\n"),
  ...["one", "two"].map((name) => textFile(`/etc/${name}`, "")),
];
const phase: Phase = {
  node: "pi-1",
  name: "k3s",
  files,
  directories: [{ path: "/data", mode: "0750", owner: "root:root" }],
  packages: [{ name: "nftables", state: "installed" }],
  units: [{ name: "k3s.service", enabled: true, active: true, after: ["/etc/config.yaml"] }],
  labels: { node: "pi-1", labels: { disk: "nvme" } },
  steps: [
    { title: "waited", run: ["true"], limit: 1 },
    { title: "loaded hosts", run: ["true"], after: ["/etc/hosts"], limit: 1 },
  ],
  removal: [],
};
const sizeOf = () => 72_400_000;

/** What a probe sees once the phase is in place. */
function inPlace(): Records {
  const described = (file: Phase["files"][number]) =>
    "block" in file ? { sha256: file.sha256 } : { sha256: file.sha256, mode: file.mode, owner: file.owner };
  const permissions = { mode: "0750", owner: "root:root" };
  return {
    k3s: {
      applied: "2026-01-02T03:04:05.678Z",
      pending: [],
      files: Object.fromEntries(
        files.map((file) => [file.path, { installed: described(file), present: described(file) }]),
      ),
      directories: { "/data": { installed: permissions, present: permissions } },
      units: {
        "k3s.service": {
          installed: { enabled: true, active: true },
          present: { enabled: true, active: true, masked: false },
        },
      },
      packages: { nftables: { installed: "installed", present: "installed" } },
      labels: { node: "pi-1", installed: { disk: "nvme" }, present: { disk: "nvme" } },
    },
  };
}

/** The same, with something changed about it. */
function afterwards(change: (record: Records[string]) => void): Records {
  const records = inPlace();
  for (const record of Object.values(records)) change(record);
  return records;
}
const plan = (change: (record: Records[string]) => void, given = phase) => planOf(given, afterwards(change), sizeOf);

test("before a node has anything, its plan names all that comes, with sizes", (t) => {
  const expected =
    "pi-1 k3s: will install nftables, write 5 files (72 MB): k3s (72 MB), config.yaml (0.3 kB), hosts (14 B), one (0 B), " +
    '1 more, make /data, see to k3s.service, label pi-1 disk; then "loaded hosts"';
  t.is(planOf(phase, {}, sizeOf), expected);
  t.is(planOf(phase, undefined, sizeOf), expected, "a node that does not answer may have nothing");
});

test("an artefact that is not on this machine has no size, nor has the sum", (t) => {
  t.regex(planOf(phase, {}, () => undefined) ?? "", /write 5 files: k3s, config\.yaml \(0\.3 kB\)/);
});

test("where all is in place, there is nothing to say", (t) => {
  t.is(planOf(phase, inPlace(), sizeOf), undefined);
  t.is(repairReason(phase, inPlace(), "m"), undefined);
});

test("only what differs is named, with what follows it; a repair is told from a change", (t) => {
  t.is(
    plan((record) => {
      const file = record.files["/etc/config.yaml"];
      if (file) file.present = null;
    }),
    'pi-1 k3s: will repair config.yaml (0.3 kB); then "restarted k3s.service"',
  );
  const changed = {
    ...phase,
    files: files.map((file) => (file.path === "/etc/one" ? textFile("/etc/one", "1") : file)),
  };
  t.is(
    plan(() => undefined, changed),
    "pi-1 k3s: will write one (1 B)",
  );
  t.is(
    plan(() => undefined, { ...phase, files: files.slice(0, -1) }),
    "pi-1 k3s: will put back two",
  );
});

test("units, packages and labels that drifted are named; those that were not seen are not", (t) => {
  t.is(
    plan((record) => {
      record.units["k3s.service"] = { installed: {}, present: { enabled: true, active: false, masked: false } };
      record.packages.nftables = { installed: "installed", present: "absent" };
      record.labels = { node: "pi-1", installed: { disk: "nvme" }, present: { disk: null } };
    }),
    "pi-1 k3s: will install nftables, see to k3s.service, label pi-1 disk",
  );
  t.is(
    plan((record) => {
      record.units["k3s.service"] = { installed: {}, present: null };
      record.packages.nftables = { installed: "installed", present: null };
      record.labels = { node: "pi-1", installed: { disk: "nvme" }, present: null };
    }),
    undefined,
  );
});

test("what an interrupted run left to do is still to come", (t) => {
  t.is(
    plan((record) => {
      record.pending = ["loaded hosts"];
    }),
    'pi-1 k3s: then "loaded hosts"',
  );
});
