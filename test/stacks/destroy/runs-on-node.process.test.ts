import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { runHere } from "../remote/run-python.ts";

const program = ["destroy/runs-on-node.py"];
const digest = (line: string) => createHash("sha256").update(line).digest("hex");

test("lists the runs that left journals, by the first lines of blocks that began", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-node-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const files = {
    "0123456789ab/block-0.ndjson": "begun ü\nand on\n",
    "0123456789ab/block-10.ndjson": "begun later\n",
    "0123456789ab/block-1.ndjson": "torn before its first line was wh",
    "0123456789ab/block-2.ndjson": "",
    "0123456789ab/block-3.ndjson.tmp": "x\n",
    "ba9876543210/plan.json": "{}\n",
    "a-file": "",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  t.deepEqual(await runHere(program, { directory }), {
    "0123456789ab": [digest("begun ü"), digest("begun later")],
    ba9876543210: [],
  });
});

test("a node where nothing was measured has no runs", async (t) => {
  t.deepEqual(await runHere(program, { directory: join(tmpdir(), "no-such-directory") }), {});
});
