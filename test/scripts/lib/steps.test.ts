import { PassThrough } from "node:stream";
import test from "ava";
import { duration, Steps } from "../../../scripts/lib/steps.ts";

function captured(): { steps: Steps; text: () => string } {
  const stream = new PassThrough();
  const steps = new Steps(stream as unknown as NodeJS.WriteStream);
  return { steps, text: () => (stream.read() as Buffer | null)?.toString() ?? "" };
}

test("a step's line says what it was, how long it took and what it reported last", async (t) => {
  const { steps, text } = captured();
  const value = await steps.run("cards", (report) => {
    report("copying");
    report("wrote pi-1");
    return Promise.resolve(7);
  });
  t.is(value, 7);
  t.regex(text(), /^\[ +\d+\.\d s\] cards: wrote pi-1\n$/);
});

test("a step that fails prints no line of success, and its error goes on", async (t) => {
  const { steps, text } = captured();
  await t.throwsAsync(
    steps.run("boot", () => Promise.reject(new Error("no power"))),
    { message: "no power" },
  );
  t.is(text(), "");
});

test("durations have one width, and minutes from a hundred seconds on", (t) => {
  t.is(duration(3.04), "    3.0 s");
  t.is(duration(99.9), "   99.9 s");
  t.is(duration(125), "2 min 5 s");
  t.is(duration(179.7), "3 min 0 s");
});
