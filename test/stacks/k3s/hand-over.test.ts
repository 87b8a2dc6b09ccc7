import test from "ava";
import { heirsOf } from "../../../stacks/k3s/hand-over.ts";

test("leadership goes to a server that was changed before, and else to the one whose turn comes last", (t) => {
  const servers = ["pi-1", "pi-2", "pi-3"];
  t.deepEqual(heirsOf("pi-1", servers), ["pi-3", "pi-2"]);
  t.deepEqual(heirsOf("pi-2", servers), ["pi-1", "pi-3"]);
  t.deepEqual(heirsOf("pi-3", servers), ["pi-2", "pi-1"]);
  t.deepEqual(heirsOf("pi-1", ["pi-1"]), []);
});
