import { spawn } from "node:child_process";
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import { applyProgram, type Apply } from "../../../stacks/remote/apply-phase.ts";
import { pythonCall, type Program } from "../../../stacks/remote/remote-python.ts";

/** Runs one of our Python programs on this machine, as it would be run on a node. */
export async function runHere(
  program: Program,
  payload: unknown,
  { body, environment }: { body?: NodeJS.ReadableStream; environment?: NodeJS.ProcessEnv } = {},
): Promise<unknown> {
  const { argv, line } = pythonCall(program, payload);
  const child = spawn("python3", argv, { stdio: "pipe", env: { ...process.env, ...environment } });
  child.stdin.on("error", () => undefined);
  child.stdin.write(line);
  if (body === undefined) child.stdin.end();
  else body.pipe(child.stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as unknown;
}

/** A directory that stands for a node's disk, and apply.py for it. */
export function exampleNode(
  t: ExecutionContext,
  environment: NodeJS.ProcessEnv = {},
): { directory: string; records: string; owner: string; apply: Apply } {
  const directory = mkdtempSync(join(tmpdir(), "bramble-node-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  mkdirSync(join(directory, "state"));
  const records = join(directory, "state", "phases");
  const { username } = userInfo();
  const apply: Apply = (payload, artefact) =>
    runHere(
      applyProgram,
      { records, ...payload },
      {
        environment,
        ...(artefact === undefined ? {} : { body: createReadStream(artefact.source, { start: artefact.start }) }),
      },
    );
  return { directory, records, owner: `${username}:${username}`, apply };
}
