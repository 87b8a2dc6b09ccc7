import { join } from "node:path";
import { onThisMachine } from "./example-phase.ts";
import { exampleNode, runHere } from "./run-python.ts";

onThisMachine("phases that begin on a blank node at once may make each other's directories", async (t) => {
  const { directory } = exampleNode(t);
  const path = join(directory, "var", "lib", "bramble", "phases");
  t.deepEqual(
    await runHere(
      ["remote/commands.py", "remote/managed.py", "remote/journal.py", "../test/stacks/remote/race-directories.py"],
      {
        path,
      },
    ),
    { missing: 4 },
  );
});

onThisMachine(
  "a large file is synced piece by piece, so that etcd on the same disk never waits for all of it",
  async (t) => {
    const { directory } = exampleNode(t);
    const program = ["commands", "managed", "journal"].map((name) => `remote/${name}.py`);
    const synced = await runHere([...program, "../test/stacks/remote/count-syncs.py"], {
      path: join(directory, "k3s"),
      size: 10_000_000,
    });
    t.deepEqual(synced, [4 << 20, 8 << 20, 10_000_000]);
  },
);
