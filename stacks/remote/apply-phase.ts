import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { root } from "../root.ts";
import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { recordsDirectory, type ManagedFile, type Phase } from "./phase.ts";
import { runPython } from "./remote-python.ts";

const program = ["remote/managed.py", "remote/apply.py"];

const failure = z.strictObject({ failed: z.strictObject({ title: z.string().nullable(), output: z.string() }) });
const needs = z.strictObject({ needs: z.array(z.string()) });
const applied = z.strictObject({
  wrote: z.array(z.strictObject({ path: z.string(), size: z.int() })),
  made: z.array(z.string()),
  removed: z.array(z.string()),
  ran: z.array(z.string()),
});
const received = z.strictObject({ received: z.int() });
const removed = z.strictObject({ ran: z.array(z.string()), removed: z.array(z.string()), kept: z.array(z.string()) });

/** Runs apply.py on a node with a payload; replaced in tests. */
export type Apply = (payload: Record<string, unknown>, artefact?: { source: string }) => Promise<unknown>;

/** apply.py on a node, over SSH. */
export function applyOn(endpoint: Endpoint): Apply {
  return (payload, artefact) =>
    runPython(
      endpoint,
      program,
      { records: recordsDirectory, ...payload },
      artefact === undefined ? {} : { body: createReadStream(artefact.source, { highWaterMark: 1 << 18 }) },
    );
}

/**
 * Brings a node to what the phase asks.
 * @returns one line that says what changed: "pi-1 k3s: wrote config.yaml, k3s (144 MB); restarted k3s"
 * @throws UserError when an artefact on this machine is not what its digest says, or a step on the node fails
 */
export async function applyPhase(phase: Phase, apply: Apply): Promise<string> {
  const payload = {
    action: "apply",
    phase: phase.name,
    files: phase.files.map(forNode),
    directories: phase.directories,
    steps: phase.steps,
  };
  let answer = parseAnswer(phase, z.union([applied, needs]), await apply(payload));
  if ("needs" in answer) {
    for (const path of answer.needs) await send(phase, path, apply);
    answer = parseAnswer(phase, z.union([applied, needs]), await apply(payload));
    if ("needs" in answer)
      throw new UserError({
        what: `${answer.needs.join(", ")} vanished right after being sent`,
        where: `${phase.node} ${phase.name}`,
        next: `see what else writes to ${phase.node}'s disk, then run \`pulumi up\` again`,
      });
  }
  const { wrote, made, removed, ran } = answer;
  return sentence(phase, [
    list(
      "wrote",
      wrote.map(({ path, size }) => `${basename(path)}${size < 1e6 ? "" : ` (${Math.round(size / 1e6)} MB)`}`),
    ),
    list("made", made),
    list(
      "removed",
      removed.map((path) => basename(path)),
    ),
    ...ran,
  ]);
}

/**
 * Takes a phase away from its node.
 * @returns one line that says what it did
 */
export async function removePhase(phase: Phase, apply: Apply): Promise<string> {
  const answer = parseAnswer(
    phase,
    removed,
    await apply({ action: "remove", phase: phase.name, files: phase.files.map(forNode), removal: phase.removal }),
  );
  return sentence(phase, [
    ...answer.ran,
    list(
      "removed",
      answer.removed.map((path) => basename(path)),
    ),
    list(
      "kept",
      answer.kept.map((path) => `${path} (not empty)`),
    ),
  ]);
}

/** The node learns nothing of paths on this machine. */
function forNode(file: ManagedFile): Record<string, unknown> {
  return Object.fromEntries(Object.entries(file).filter(([key]) => key !== "source"));
}

async function send(phase: Phase, path: string, apply: Apply): Promise<void> {
  const file = phase.files.find((candidate) => candidate.path === path);
  if (file === undefined || !("source" in file))
    throw new Error(`${phase.node} asked for ${path}, which is no artefact`);
  const source = resolve(root, file.source);
  await verify(source, file.sha256);
  parseAnswer(phase, received, await apply({ action: "receive", path, sha256: file.sha256 }, { source }));
}

/** @throws UserError when the file on this machine is missing or another than configured */
async function verify(source: string, expected: string): Promise<void> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(source, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  } catch (error) {
    throw new UserError(
      {
        what: `cannot be read (${(error as Error).message})`,
        where: source,
        next: "put the file there, or correct its path in the stack's configuration",
      },
      { cause: error },
    );
  }
  const actual = hash.digest("hex");
  if (actual !== expected)
    throw new UserError({
      what: `has sha256 ${actual}, but the configuration says ${expected}`,
      where: source,
      next: "fetch the file again, or put its new digest into the stack's configuration if the change is wanted",
    });
}

function parseAnswer<Schema extends z.ZodType>(phase: Phase, schema: Schema, answer: unknown): z.output<Schema> {
  const failed = failure.safeParse(answer);
  if (!failed.success) return schema.parse(answer);
  const { title, output } = failed.data.failed;
  throw new UserError({
    what: title === null ? output : `"${title}" did not come about; it said last:\n${output.replaceAll(/^/gm, "    ")}`,
    where: `${phase.node} ${phase.name}`,
    next: `mend what it names, then run \`pulumi up\` again: it goes on from there`,
  });
}

function list(verb: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `${verb} ${items.join(", ")}`;
}

function sentence(phase: Phase, parts: readonly string[]): string {
  const said = parts.filter((part) => part !== "");
  return `${phase.node} ${phase.name}: ${said.length === 0 ? "nothing to do" : said.join("; ")}`;
}
