import { createHash } from "node:crypto";
import test from "ava";
import { runnerFiles } from "../../../workloads/benchmark/runner-files.ts";

test("the pod gets main.ts and what it imports, and nothing from outside Node", (t) => {
  const { files, digest } = runnerFiles();
  const names = Object.keys(files);
  t.deepEqual(names, [...names].sort());
  for (const name of ["main.ts", "lease.ts", "ollama-client.ts", "journal.ts", "record.ts", "package.json"])
    t.true(name in files, name);
  t.false("job.ts" in files);
  for (const text of Object.values(files))
    for (const [, specifier] of text.matchAll(/from "([^"]+)"/g)) t.regex(specifier ?? "", /^(node:|\.\/)/);
  t.is(digest, createHash("sha256").update(JSON.stringify(files)).digest("hex"));
});
