import test from "ava";
import fc from "fast-check";
import { describeProgress, Progress } from "../../../../scripts/lib/flash/progress.ts";

/** Shows progress at these moments (milliseconds) and returns what was written. */
function run(isTTY: boolean, shown: readonly (readonly [at: number, step: string, done: number, total?: number])[]) {
  let now = 0;
  const written: string[] = [];
  const output = { isTTY, columns: 70, write: (text: string) => written.push(text) };
  const progress = new Progress(output, () => now);
  for (const [at, step, done, total] of shown) {
    now = at;
    progress.show(step, done, total);
  }
  progress.clear();
  return written;
}

test("on a terminal, a bar is redrawn with rate and time left, and taken away at the end", (t) => {
  t.deepEqual(
    run(true, [
      [0, "writing", 0, 4e9],
      [100, "writing", 1e6, 4e9],
      [20_000, "writing", 1e9, 4e9],
    ]),
    [
      "\r\x1b[Kwriting ░░░░░░░░░░░░░░░░░░░░░░░░: 0 %",
      "\r\x1b[Kwriting ██████░░░░░░░░░░░░░░░░░░: 25 %, 50 MB/s, 60 s left",
      "\r\x1b[K",
    ],
  );
});

test("elsewhere, a line every 10 s", (t) => {
  const moments = Array.from({ length: 25 }, (_, second) => [second * 1000, "writing", second * 1e8, 4e9] as const);
  t.deepEqual(run(false, moments), [
    "  ... writing: 25 %, 100 MB/s, 30 s left\n",
    "  ... writing: 50 %, 100 MB/s, 20 s left\n",
  ]);
});

test("what an earlier run left counts as done, but not as this run's speed", (t) => {
  const [, line] = run(true, [
    [0, "base image", 3e9, 4e9],
    [10_000, "base image", 3.5e9, 4e9],
  ]);
  t.regex(line ?? "", /87 %, 50 MB\/s, 10 s left$/);
});

test("a step that begins anew has a speed of its own", (t) => {
  const lines = run(true, [
    [0, "base image", 0, 4e9],
    [10_000, "base image", 4e9, 4e9],
    [10_300, "base image", 0, 4e9],
    [12_300, "base image", 1e9, 4e9],
  ]);
  t.regex(lines.at(-2) ?? "", /25 %, 500 MB\/s, 6 s left$/);
});

test("without a total there is no share and no time left", (t) => {
  t.is(
    describeProgress({ step: "base image", done: 2e9, total: undefined, since: 0, seconds: 10 }),
    "base image: 2.0 GB, 200 MB/s",
  );
});

test("whatever the figures, a line is never longer than the terminal and holds no NaN", (t) => {
  const figure = fc.nat({ max: 2 ** 40 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(figure, fc.constantFrom("a", "b"), figure, fc.option(figure, { nil: undefined }))),
      (shown) => {
        const times = shown.map(([at]) => at).sort((one, other) => one - other);
        for (const text of run(
          true,
          shown.map(([, step, done, total], index) => [times[index] ?? 0, step, done, total ?? 0]),
        )) {
          t.true(text.replace("\r\x1b[K", "").length <= 69);
          t.notRegex(text, /NaN|Infinity|-\d/);
        }
      },
    ),
  );
});
