import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { deadOwners } from "../../../scripts/lib/pulumi.ts";

/** A lock as Pulumi's file backend writes it, attributes beside it. */
function writeLock(t: ExecutionContext, ...owners: { pid: number; hostname: string }[]): string {
  const directory = mkdtempSync(join(tmpdir(), "locks-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  for (const [index, owner] of owners.entries()) {
    writeFileSync(join(directory, `${index}.json`), JSON.stringify({ ...owner, username: "root", timestamp: "" }));
    writeFileSync(join(directory, `${index}.json.attrs`), JSON.stringify({ "user.metadata": null }));
  }
  return directory;
}

const beyondAllPids = 2 ** 22 + 1;

test("a lock whose process is gone is stale", (t) => {
  const locks = writeLock(t, { pid: beyondAllPids, hostname: hostname() });
  t.deepEqual(deadOwners(locks), [beyondAllPids]);
});

test("a lock of a running process, or of another machine, is not", (t) => {
  t.deepEqual(deadOwners(writeLock(t, { pid: beyondAllPids, hostname: `not-${hostname()}` })), []);
  t.deepEqual(deadOwners(writeLock(t, { pid: process.pid, hostname: hostname() })), []);
});

test("no lock is no lock", (t) => {
  t.deepEqual(deadOwners(writeLock(t)), []);
  t.deepEqual(deadOwners(join(tmpdir(), "there-is-no-such-directory")), []);
});
