import test from "ava";
import { followJobs, type FollowedJob, type JobStatus } from "../../../scripts/lib/follow.ts";
import { UserError } from "../../../stacks/user-error.ts";

const status = (state: JobStatus["state"], done = 0, changes: Partial<JobStatus> = {}): JobStatus => ({
  state,
  blocks: { total: 6, done, failed: 0 },
  detail: "",
  logs: [],
  ...changes,
});

/** A Job that goes through these states, one for each look; an Error is a look that fails. */
function job(stack: string, looks: readonly (JobStatus | Error)[]): FollowedJob & { readonly asked: () => number } {
  let asked = 0;
  return {
    stack,
    asked: () => asked,
    status() {
      const now = looks[Math.min(asked++, looks.length - 1)];
      return now instanceof Error || now === undefined ? Promise.reject(now ?? new Error()) : Promise.resolve(now);
    },
  };
}

/** Follows on a clock that moves a minute with each pause. */
async function follow(
  jobs: readonly FollowedJob[],
  options: { isTTY?: boolean; columns?: number; stopAfter?: number } = {},
) {
  let [written, clock, pauses] = ["", 0, 0];
  const { stopAfter = Infinity, ...terminal } = options;
  const controller = new AbortController();
  const result = await followJobs(
    jobs,
    { ...terminal, write: (text) => (written += text) },
    {
      signal: controller.signal,
      now: () => clock,
      pause: () => {
        clock += 60_000;
        if (++pauses >= stopAfter) controller.abort(new Error("stopped"));
        return Promise.resolve();
      },
    },
  ).catch((error: unknown) => error);
  return { result, written };
}

test("without a terminal there is a line for each block, and none in between", async (t) => {
  const { result, written } = await follow([
    job("threads-1", [
      status("starting"),
      status("starting"),
      status("waiting", 0, { detail: "threads-2 measures" }),
      status("measuring"),
      status("measuring"),
      status("measuring", 1),
      status("complete", 6),
    ]),
  ]);
  t.is(
    written,
    [
      "threads-1: 0 of 6 blocks, starting",
      "threads-1: 1 of 6 blocks, measuring",
      "threads-1: 6 of 6 blocks, complete",
      "",
    ].join("\n"),
  );
  t.deepEqual(result, new Map([["threads-1", status("complete", 6)]]));
});

test("each Job is followed to its own end, and not asked after that", async (t) => {
  const short = job("a", [status("complete", 6)]);
  const long = job("b", [status("measuring"), status("measuring", 3), status("complete", 6)]);
  const { result } = await follow([short, long]);
  t.deepEqual([short.asked(), long.asked()], [1, 3]);
  t.deepEqual([...(result as Map<string, JobStatus>).keys()], ["a", "b"]);
});

test("on a terminal there is a bar for each Job, redrawn in place, with the time left", async (t) => {
  const looks = [status("measuring", 1), status("measuring", 2), status("complete", 6)];
  const { written } = await follow([job("a", looks), job("long", looks)], { isTTY: true, columns: 100 });
  const frames = written.split("\x1b[2A");
  t.is(frames.length, 3);
  t.true(frames.every((frame) => frame.split("\n").length === 3));
  t.is(frames[1]?.split("\n")[0], "\x1b[Ka     ███████░░░░░░░░░░░░░  2 of 6 blocks, measuring, about 4 min left");
  t.notRegex(`${frames[0]}${frames[2]}`, /left/);
});

test("a narrow terminal is never written past its edge", async (t) => {
  const { written } = await follow([job("a", [status("measuring", 1), status("complete", 6)])], {
    isTTY: true,
    columns: 30,
  });
  for (const line of written.replaceAll(/\x1b\[\d*[AK]/g, "").split("\n")) t.true(line.length < 30, line);
});

test("a Job that fails shows what its pod wrote last", async (t) => {
  const end = status("failed", 4, {
    blocks: { total: 6, done: 4, failed: 2 },
    logs: ["WrongModel: gemma3:270m", "  at main"],
  });
  const { result, written } = await follow([job("a", [end])]);
  t.is(
    written,
    "a: 4 of 6 blocks, 2 given up, failed\na: the last lines of a pod that failed:\n  WrongModel: gemma3:270m\n    at main\n",
  );
  t.is((result as Map<string, JobStatus>).get("a")?.state, "failed");
});

test("a link that fails for a while is said, and followed past", async (t) => {
  const down = new Error("connect ETIMEDOUT\nwith more");
  const { written } = await follow([job("a", [status("measuring", 1), down, down, status("complete", 6)])]);
  t.deepEqual(written.split("\n"), [
    "a: 1 of 6 blocks, measuring",
    "a: 1 of 6 blocks, measuring, not to be reached (connect ETIMEDOUT), trying on",
    "a: 6 of 6 blocks, complete",
    "",
  ]);
});

test("a link that stays down ends in an error with the next action", async (t) => {
  const { result } = await follow([job("a", [status("measuring", 1), new Error("no route")])]);
  t.true(result instanceof UserError);
  t.regex(String(result), /stack a: its Job can't be read any more: no route\n {2}Next: .*npm run up -- a/);
});

test("a stop ends the following with its reason", async (t) => {
  const { result } = await follow([job("a", [status("measuring")])], { stopAfter: 2 });
  t.regex(String(result), /stopped/);
});
