import test from "ava";
import { ask } from "../../../scripts/lib/ask.ts";
import { fakeTerminal } from "./flash/fake-terminal.ts";

const never = new AbortController().signal;

test("an answer is one line, without white space around it", async (t) => {
  const terminal = fakeTerminal([" pi-1 \r\n"]);
  t.is(await ask(terminal, "Which: ", never), "pi-1");
  t.is(terminal.text(), "Which: ");
});

test("a second question gets the second answer", async (t) => {
  const terminal = fakeTerminal(["one\n", "two\n"]);
  t.is(await ask(terminal, "First: ", never), "one");
  t.is(await ask(terminal, "Second: ", never), "two");
});

test("an input that ends gives no answer", async (t) => {
  const terminal = fakeTerminal();
  terminal.input.end();
  t.is(await ask(terminal, "Which: ", never), undefined);
  t.is(terminal.text(), "Which: \n");
});

test("an interruption ends the question", async (t) => {
  const controller = new AbortController();
  const asked = ask(fakeTerminal(), "Which: ", controller.signal);
  const reason = new Error("stop");
  controller.abort(reason);
  t.is(await t.throwsAsync(asked), reason);
  t.is(await t.throwsAsync(ask(fakeTerminal(), "Which: ", controller.signal)), reason);
});
