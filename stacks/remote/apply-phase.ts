import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { root } from "../root.ts";
import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { formatSize } from "./format-size.ts";
import { recordsDirectory, type ManagedFile, type Phase } from "./phase.ts";
import { runPython } from "./remote-python.ts";

/** apply.py after what it imports. */
export const applyProgram = [
  "managed",
  "commands",
  "journal",
  "files",
  "units",
  "packages",
  "labels",
  "receive",
  "apply",
].map((name) => `remote/${name}.py`);

const failure = z.strictObject({
  failed: z.strictObject({ title: z.string().nullable(), output: z.string(), next: z.string().optional() }),
});
const words = z.array(z.string());
const needs = z.strictObject({ needs: z.array(z.strictObject({ path: z.string(), received: z.int() })) });
const applied = z.strictObject({
  packages: words,
  wrote: z.array(z.strictObject({ path: z.string(), size: z.int() })),
  made: words,
  removed: words,
  restored: words,
  kept: words,
  ran: words,
});
const received = z.union([
  z.strictObject({ received: z.int(), whole: z.boolean() }),
  z.strictObject({ damaged: z.string() }),
]);
const removed = z.strictObject({ ran: words, removed: words, restored: words, kept: words });

/** The bytes of an artefact on this machine from one of them on. */
export interface ArtefactBytes {
  readonly source: string;
  readonly start: number;
}

/** Runs apply.py on a node with a payload; replaced in tests. */
export type Apply = (payload: Record<string, unknown>, artefact?: ArtefactBytes) => Promise<unknown>;

/** apply.py on a node, over SSH. */
export function applyOn(endpoint: Endpoint): Apply {
  return (payload, artefact) =>
    runPython(
      endpoint,
      applyProgram,
      { records: recordsDirectory, ...payload },
      artefact === undefined
        ? {}
        : { body: createReadStream(artefact.source, { start: artefact.start, highWaterMark: 1 << 18 }) },
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
    packages: phase.packages ?? [],
    units: phase.units ?? [],
    labels: phase.labels ?? null,
    steps: phase.steps,
  };
  let answer = parseAnswer(phase, z.union([applied, needs]), await apply(payload));
  if ("needs" in answer) {
    for (const need of answer.needs) await send(phase, need, apply);
    answer = parseAnswer(phase, z.union([applied, needs]), await apply(payload));
    if ("needs" in answer)
      throw new UserError({
        what: `${answer.needs.map(({ path }) => path).join(", ")} vanished right after being sent`,
        where: `${phase.node} ${phase.name}`,
        next: `see what else writes to ${phase.node}'s disk, then run \`pulumi up\` again`,
      });
  }
  const { packages, wrote, made, removed, restored, kept, ran } = answer;
  return sentence(phase, [
    ...packages,
    list(
      "wrote",
      wrote.map(({ path, size }) => `${basename(path)}${size < 1e6 ? "" : ` (${formatSize(size)})`}`),
    ),
    list("made", made),
    list("removed", names(removed)),
    list("restored", names(restored)),
    ...ran,
    list("kept", kept),
  ]);
}

/**
 * Sends the artefacts that the node does not have yet and changes nothing else there: what comes after takes no longer than it must.
 * @throws UserError as `applyPhase` does
 */
export async function sendArtefacts(phase: Phase, apply: Apply): Promise<void> {
  const payload = { action: "look", phase: phase.name, files: phase.files.map(forNode) };
  const answer = parseAnswer(phase, needs, await apply(payload));
  for (const need of answer.needs) await send(phase, need, apply);
}

/**
 * Takes a phase away from its node.
 * @returns one line that says what it did
 */
export async function removePhase(phase: Phase, apply: Apply): Promise<string> {
  const answer = parseAnswer(
    phase,
    removed,
    await apply({
      action: "remove",
      phase: phase.name,
      removal: phase.removal,
      afterRemoval: phase.afterRemoval ?? [],
    }),
  );
  return sentence(phase, [
    ...answer.ran,
    list("removed", names(answer.removed)),
    list("restored", names(answer.restored)),
    list("kept", answer.kept),
  ]);
}

/** The node learns nothing of paths on this machine. */
function forNode(file: ManagedFile): Record<string, unknown> {
  return Object.fromEntries(Object.entries(file).filter(([key]) => key !== "source"));
}

/** Sends what the node does not have yet of an artefact; once more from its beginning when what came together is not it. */
async function send(phase: Phase, need: { path: string; received: number }, apply: Apply): Promise<void> {
  const { path } = need;
  const file = phase.files.find((candidate) => candidate.path === path);
  if (file === undefined || !("source" in file))
    throw new Error(`${phase.node} asked for ${path}, which is no artefact`);
  const source = resolve(root, file.source);
  const size = await verify(source, file.sha256);
  let actual = "";
  for (const start of [need.received <= size ? need.received : 0, 0]) {
    const payload = { action: "receive", phase: phase.name, file: forNode(file), size, start };
    const answer = parseAnswer(phase, received, await apply(payload, { source, start }));
    if ("damaged" in answer) {
      actual = answer.damaged;
      continue;
    }
    if (answer.whole) return;
    throw new UserError({
      what: `received ${answer.received} of ${size} bytes of ${path}`,
      where: `${phase.node} ${phase.name}`,
      next: "run `pulumi up` again: it goes on from there",
    });
  }
  throw new UserError({
    what: `${path}: received sha256 ${actual} instead of ${file.sha256}, twice`,
    where: `${phase.node} ${phase.name}`,
    next: `test ${phase.node}'s memory and disk (a worn SD card damages what is written), then run \`pulumi up\` again`,
  });
}

/**
 * @returns its size in bytes
 * @throws UserError when the file on this machine is missing or another than configured
 */
async function verify(source: string, expected: string): Promise<number> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const piece of createReadStream(source, { highWaterMark: 1 << 20 })) {
      hash.update(piece as Buffer);
      size += (piece as Buffer).length;
    }
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
  return size;
}

function parseAnswer<Schema extends z.ZodType>(phase: Phase, schema: Schema, answer: unknown): z.output<Schema> {
  const failed = failure.safeParse(answer);
  if (!failed.success) return schema.parse(answer);
  const { title, output, next } = failed.data.failed;
  throw new UserError({
    what: title === null ? output : `"${title}" did not come about; it said last:\n${output.replaceAll(/^/gm, "    ")}`,
    where: `${phase.node} ${phase.name}`,
    next: next ?? "mend what it names, then run `pulumi up` again: it goes on from there",
  });
}

function names(paths: readonly string[]): string[] {
  return paths.map((path) => basename(path));
}

function list(verb: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `${verb} ${items.join(", ")}`;
}

function sentence(phase: Phase, parts: readonly string[]): string {
  const said = parts.filter((part) => part !== "");
  return `${phase.node} ${phase.name}: ${said.length === 0 ? "nothing to do" : said.join("; ")}`;
}
