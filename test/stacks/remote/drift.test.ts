import test from "ava";
import { repairReason, unitDifferences, type Records } from "../../../stacks/remote/drift.ts";
import { textBlock, textFile, type Phase } from "../../../stacks/remote/phase.ts";

const config = textFile("/etc/a.conf", "wanted");
const hosts = textBlock("/etc/hosts", "10.0.0.1 pi-1\n");
const phase: Phase = { node: "pi-1", name: "trial", files: [config, hosts], directories: [], steps: [], removal: [] };
const asWanted = { sha256: config.sha256, mode: "0644", owner: "root:root" };
const applied = "2026-01-02T03:04:05.678Z";

type SeenRecord = Records[string];
type Seen = SeenRecord["files"];
const blank: SeenRecord = { applied, pending: [], files: {}, directories: {}, units: {}, packages: {}, labels: null };
const reason = (files: Partial<Seen>, more: Partial<SeenRecord> = {}) =>
  repairReason(
    phase,
    {
      trial: {
        ...blank,
        files: {
          "/etc/a.conf": { installed: asWanted, present: asWanted },
          "/etc/hosts": { installed: { sha256: hosts.sha256 }, present: { sha256: hosts.sha256 } },
          ...(files as Seen),
        },
        ...more,
      },
    },
    "1f2e3d4c",
  );
/** The reason for a phase of one kind of thing, given what was seen of it. */
const reasonOf = (parts: Partial<Phase>, seen: Partial<SeenRecord>) =>
  repairReason({ ...phase, files: [], ...parts }, { trial: { ...blank, ...seen } }, "1f2e3d4c");

test("a node as it was left needs no repair", (t) => {
  t.is(reason({}), undefined);
});

test("an edited, a removed and a chmodded file are named, with the time of the last application", (t) => {
  const file = (present: Seen[string]["present"]) => ({ "/etc/a.conf": { installed: asWanted, present } });
  t.is(reason(file({ ...asWanted, sha256: "77" })), `/etc/a.conf changed on pi-1 since ${applied}`);
  t.is(reason(file(null)), `/etc/a.conf removed on pi-1 since ${applied}`);
  t.is(reason(file({ ...asWanted, mode: "0666" })), `/etc/a.conf mode 0666 on pi-1 since ${applied}`);
  t.is(
    reason(file({ ...asWanted, mode: "0666", owner: "pi:pi" })),
    `/etc/a.conf mode 0666 owner pi:pi on pi-1 since ${applied}`,
  );
  t.is(
    reason(file({ sha256: null, mode: null, owner: null })),
    `/etc/a.conf changed on pi-1 since ${applied}`,
    "a link or a directory in its place",
  );
});

test("a block counts by its text alone", (t) => {
  const present = { sha256: "77" };
  t.is(
    reason({ "/etc/hosts": { installed: { sha256: hosts.sha256 }, present } }),
    `/etc/hosts changed on pi-1 since ${applied}`,
  );
});

test("several files are named in one reason", (t) => {
  const reasons = reason({
    "/etc/a.conf": { installed: asWanted, present: null },
    "/etc/hosts": { installed: { sha256: hosts.sha256 }, present: null },
  });
  t.is(reasons, `/etc/a.conf removed, /etc/hosts removed on pi-1 since ${applied}`);
});

test("what the configuration changes is no drift, edited or not: Pulumi sees it by itself", (t) => {
  const before = { ...asWanted, sha256: "old" };
  t.is(reason({ "/etc/a.conf": { installed: before, present: before } }), undefined);
  t.is(reason({ "/etc/a.conf": { installed: before, present: { ...before, sha256: "77" } } }), undefined);
  t.is(reason({ "/etc/a.conf": undefined }), undefined, "a file that is new in the configuration");
});

test("a first application that did not end well is done again, whoever noted that it failed", (t) => {
  t.is(reason({}, { applied: null }), "not on pi-1 yet (machine 1f2e3d4c)");
});

test("what an interrupted run left to do is done by the next", (t) => {
  t.is(reason({}, { pending: ["restarted sshd"] }), `"restarted sshd" still to do on pi-1 since ${applied}`);
});

test("a directory counts by its mode and owner", (t) => {
  const data = { mode: "0750", owner: "root:root" };
  const seen = (present: typeof data | null, installed = data) =>
    reasonOf({ directories: [{ path: "/data", ...data }] }, { directories: { "/data": { installed, present } } });
  t.is(seen(data), undefined);
  t.is(seen({ ...data, owner: "pi:pi" }), `/data owner pi:pi on pi-1 since ${applied}`);
  t.is(seen(null), `/data removed on pi-1 since ${applied}`);
  t.is(seen(null, { ...data, mode: "0700" }), undefined, "the configuration changed");
});

test("a unit counts by what is wanted of it, and only where systemd was heard", (t) => {
  const units = [{ name: "a.timer", enabled: false, active: false }];
  const off = { enabled: false, active: false, masked: false };
  const seen = (present: typeof off | null, installed: Partial<typeof off> = { enabled: false, active: false }) =>
    reasonOf({ units }, { units: { "a.timer": { installed, present } } });
  t.is(seen(off), undefined);
  t.is(seen(null), undefined);
  t.is(seen({ ...off, masked: true }), undefined, "nobody asked for it to be unmasked");
  t.is(seen({ ...off, enabled: true }), `a.timer enabled on pi-1 since ${applied}`);
  t.is(seen({ ...off, enabled: true, active: true }), `a.timer enabled and active on pi-1 since ${applied}`);
  t.is(seen({ ...off, enabled: true }, { enabled: false }), undefined, "the configuration changed");
});

test("a mask hides whether a unit is enabled", (t) => {
  const unit = { name: "a.timer", enabled: true, masked: true };
  const present = { enabled: false, active: false, masked: true };
  t.deepEqual(unitDifferences(unit, present), []);
  t.deepEqual(unitDifferences(unit, { ...present, masked: false }), ["disabled", "unmasked"]);
});

test("a package counts by being there, and only where dpkg was heard", (t) => {
  const seen = (wanted: "installed" | "absent", present: "installed" | "absent" | null) =>
    reasonOf(
      { packages: [{ name: "nftables", state: wanted }] },
      { packages: { nftables: { installed: wanted, present } } },
    );
  t.is(seen("installed", "installed"), undefined);
  t.is(seen("installed", null), undefined);
  t.is(seen("installed", "absent"), `nftables removed on pi-1 since ${applied}`);
  t.is(seen("absent", "installed"), `nftables installed on pi-1 since ${applied}`);
});

test("a label counts by its value, and only where K3s was heard", (t) => {
  const installed = { "a.b/c": "", disk: "nvme" };
  const seen = (present: Record<string, string | null> | null, node = "pi-2") =>
    reasonOf({ labels: { node: "pi-2", labels: installed } }, { labels: { node, installed, present } });
  t.is(seen(installed), undefined);
  t.is(seen(null), undefined);
  t.is(seen({ "a.b/c": null, disk: "sd" }), `label a.b/c of pi-2 gone, label disk of pi-2 now sd since ${applied}`);
  t.is(seen({ "a.b/c": null }, "pi-3"), undefined);
});

test("a node without the phase's record has nothing of it: said with the machine, so that the next one differs", (t) => {
  t.is(repairReason(phase, {}, "1f2e3d4c"), "not on pi-1 yet (machine 1f2e3d4c)");
});

test("a phase of steps alone has nothing to repair", (t) => {
  t.is(repairReason({ ...phase, files: [] }, {}, "1f2e3d4c"), undefined);
});
