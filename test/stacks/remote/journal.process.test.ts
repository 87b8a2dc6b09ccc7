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
