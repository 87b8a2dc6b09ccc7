import test from "ava";
import { run } from "../../../stacks/cards/command.ts";
import { UserError } from "../../../stacks/user-error.ts";

test("a command's result is handed on, a failure's too", async (t) => {
  const { code, stdout, stderr } = await run("sh", ["-c", "cat; echo bad >&2; exit 3"], "in\0put");
  t.is(code, 3);
  t.is(stdout.toString(), "in\0put");
  t.is(stderr, "bad\n");
});

test("a missing command is an error that says what to install", async (t) => {
  const error = await t.throwsAsync(run("bramble-no-such-command", []), { instanceOf: UserError });
  t.regex(error.message, /bramble-no-such-command is missing/);
  t.regex(error.next, /apt-get install/);
});
