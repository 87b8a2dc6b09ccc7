import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { lockOwners, parseExport } from "../../../../scripts/lib/doctor/stack.ts";

const beyondAllPids = 2 ** 22 + 1;

test("a lock's owner is alive, gone, or on another machine, where nobody knows", (t) => {
  const locks = mkdtempSync(join(tmpdir(), "locks-"));
  t.teardown(() => {
    rmSync(locks, { recursive: true });
  });
  const owners = [
    { pid: process.pid, hostname: hostname() },
    { pid: beyondAllPids, hostname: hostname() },
    { pid: 1, hostname: `not-${hostname()}` },
  ];
  for (const [index, owner] of owners.entries()) {
    writeFileSync(join(locks, `${index}.json`), JSON.stringify({ ...owner, username: "root", timestamp: "" }));
    writeFileSync(join(locks, `${index}.json.attrs`), "{}");
  }
  // What is being written just now, and what is no lock.
  writeFileSync(join(locks, "half.json"), '{"pid": 1');
  mkdirSync(join(locks, "directory.json"));
  t.deepEqual(
    lockOwners(locks).map(({ pid, alive }) => [pid, alive]),
    [
      [process.pid, true],
      [beyondAllPids, false],
      [1, undefined],
    ],
  );
  t.deepEqual(lockOwners(join(locks, "none")), []);
});

test("the names of a stack's resources, and what was cut off; nothing else is taken out of its state", (t) => {
  const urn = (type: string, name: string) => `urn:pulumi:barn::bramble::bramble:site:Site$${type}::${name}`;
  const text = JSON.stringify({
    version: 3,
    deployment: {
      resources: [{ urn: urn("command:local:Command", "pi-1-k3s"), inputs: { stdin: { ciphertext: "v1:abc" } } }],
      pending_operations: [
        { resource: { urn: urn("command:local:Command", "pi-2-k3s"), inputs: {} }, type: "creating" },
      ],
    },
  });
  t.deepEqual(parseExport(text), { resources: ["pi-1-k3s"], pending: ["creating pi-2-k3s"] });
});

test("a stack that nothing was ever made in", (t) => {
  t.deepEqual(parseExport('{"version": 3, "deployment": {"manifest": {}}}'), { resources: [], pending: [] });
  t.deepEqual(parseExport('{"version": 3}'), { resources: [], pending: [] });
});
