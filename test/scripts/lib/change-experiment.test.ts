import test from "ava";
import { parse } from "yaml";
import { changedExperiment } from "../../../scripts/lib/change-experiment.ts";
import { UserError } from "../../../stacks/user-error.ts";

const file = `# Two threads.
config:
  bramble:experiment:
    site: barn # the site's stack
    blocks: 10
`;
const experimentOf = (text: string) =>
  (parse(text) as { config: Record<string, Record<string, unknown>> }).config["bramble:experiment"];

test("again raises the series, from 1 where none is given, and measures", (t) => {
  const again = changedExperiment(changedExperiment(file, "pause", "here"), "again", "here");
  t.deepEqual(experimentOf(again), { site: "barn", blocks: 10, series: 2 });
  t.like(experimentOf(changedExperiment(again, "again", "here")), { series: 3 });
});

test("pause and cancel are states, which resume takes away", (t) => {
  t.like(experimentOf(changedExperiment(file, "pause", "here")), { state: "paused" });
  const cancelled = changedExperiment(file, "cancel", "here");
  t.like(experimentOf(cancelled), { state: "cancelled" });
  t.is(changedExperiment(cancelled, "resume", "here"), file);
});

test("comments stay", (t) => {
  const paused = changedExperiment(file, "pause", "here");
  t.true(paused.startsWith("# Two threads.\n"));
  t.true(paused.includes("site: barn # the site's stack\n"));
});

test("a site cannot be paused", (t) => {
  t.throws(() => changedExperiment("config:\n  bramble:site: {}\n", "pause", "Pulumi.barn.yaml"), {
    instanceOf: UserError,
    message: /^Pulumi\.barn\.yaml: is no experiment/,
  });
});
