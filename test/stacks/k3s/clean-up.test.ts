import { execFileSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { root } from "../../../stacks/root.ts";

test("the clean-up script is one that a POSIX shell can read", (t) => {
  t.notThrows(() => execFileSync("sh", ["-n", join(root, "stacks", "k3s", "clean-up.sh")]));
});
