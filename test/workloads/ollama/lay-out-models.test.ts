import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { root } from "../../../stacks/root.ts";

test("models lie side by side, their blobs on the disk once, and a second time nothing changes", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "lay-out-models-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  put("aa/blobs/sha256-1", "one");
  put("aa/blobs/sha256-9-partial-0", "part");
  put("aa/manifests/host/library/m/1", "manifest of m");
  put("bb/blobs/sha256-2", "two");
  put("bb/blobs/sha256-1", "one");
  put("bb/manifests/host/library/n/2", "manifest of n");
  const set = join(directory, "sets/cc");
  mkdirSync(set, { recursive: true });
  const script = readFileSync(join(root, "workloads/ollama/lay-out-models.sh"), "utf8");
  const env = { PATH: process.env.PATH, MODELS: directory, SET: set, DIGESTS: "aa bb" };
  for (let time = 0; time < 2; time++) {
    const output = execFileSync("sh", ["-c", script], { env, encoding: "utf8" });
    t.is(output, "2 models are in their place\n");
    t.deepEqual(readdirSync(join(set, "blobs")), ["sha256-1", "sha256-2"]);
    t.is(readFileSync(join(set, "manifests/host/library/m/1"), "utf8"), "manifest of m");
    t.is(readFileSync(join(set, "manifests/host/library/n/2"), "utf8"), "manifest of n");
    t.is(statSync(join(set, "blobs/sha256-2")).ino, statSync(join(directory, "bb/blobs/sha256-2")).ino);
  }
});
