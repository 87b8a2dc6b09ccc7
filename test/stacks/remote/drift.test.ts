import test from "ava";
import { repairReason, type Records } from "../../../stacks/remote/drift.ts";
import { textBlock, textFile, type Phase } from "../../../stacks/remote/phase.ts";

const config = textFile("/etc/a.conf", "wanted");
const hosts = textBlock("/etc/hosts", "10.0.0.1 pi-1\n");
const phase: Phase = { node: "pi-1", name: "trial", files: [config, hosts], directories: [], steps: [], removal: [] };
const asWanted = { sha256: config.sha256, mode: "0644", owner: "root:root" };
const applied = "2026-01-02T03:04:05.678Z";

type Seen = Records[string]["files"];
const reason = (files: Partial<Seen>, at: string | null = applied) =>
  repairReason(
    phase,
    {
      trial: {
        applied: at,
        files: {
          "/etc/a.conf": { installed: asWanted, present: asWanted },
          "/etc/hosts": { installed: { sha256: hosts.sha256 }, present: { sha256: hosts.sha256 } },
          ...(files as Seen),
        },
      },
    },
    "1f2e3d4c",
  );

test("a node as it was left needs no repair", (t) => {
  t.is(reason({}), undefined);
});

test("an edited, a removed and a chmodded file are named, with the time of the last application", (t) => {
  const file = (present: Seen[string]["present"]) => ({ "/etc/a.conf": { installed: asWanted, present } });
  t.is(reason(file({ ...asWanted, sha256: "77" })), `/etc/a.conf changed on pi-1 since ${applied}`);
  t.is(reason(file(null)), `/etc/a.conf removed on pi-1 since ${applied}`);
  t.is(reason(file({ ...asWanted, mode: "0666" })), `/etc/a.conf mode 0666 root:root on pi-1 since ${applied}`);
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

test("an application that did not end well is no drift", (t) => {
  t.is(reason({ "/etc/a.conf": { installed: asWanted, present: null } }, null), undefined);
});

test("a node without the phase's record has nothing of it: said with the machine, so that the next one differs", (t) => {
  t.is(repairReason(phase, {}, "1f2e3d4c"), "not on pi-1 yet (machine 1f2e3d4c)");
});

test("a phase of steps alone has nothing to repair", (t) => {
  t.is(repairReason({ ...phase, files: [] }, {}, "1f2e3d4c"), undefined);
});
