import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { UserError } from "../user-error.ts";
import { run } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";

/** A Python program of ours: files under stacks/, each importable by its name; the last one's `main(payload)` is called. */
export type Program = readonly string[];

/** Reads the program and its payload from the first line of stdin; the rest of stdin is the program's. */
const loader = [
  "import json, sys, types",
  "given = json.loads(sys.stdin.buffer.readline())",
  "for name, text in given['modules']:",
  "    module = sys.modules[name] = types.ModuleType(name)",
  "    exec(compile(text, name + '.py', 'exec'), module.__dict__)",
  "module.main(given['payload'])",
].join("\n");

/** Arguments of the Python interpreter and the first line of its stdin, for a program and its payload. */
export function pythonCall(program: Program, payload: unknown): { argv: string[]; line: string } {
  const modules = program.map((file) => [
    file.replace(/^.*\/|\.py$/g, ""),
    readFileSync(join(dirname(import.meta.dirname), file), "utf8"),
  ]);
  return { argv: ["-I", "-B", "-c", loader], line: `${JSON.stringify({ modules, payload })}\n` };
}

/**
 * Runs one of our programs as root on a node. Program and payload travel through stdin, so neither shows in a process list.
 * @param options.body bytes that follow the payload
 * @returns the JSON that it printed
 * @throws NodeUnavailable; UserError when the node has no Python 3 or no sudo for us
 */
export async function runPython(
  endpoint: Endpoint,
  program: Program,
  payload: unknown,
  options: { body?: Readable; timeoutSeconds?: number } = {},
): Promise<unknown> {
  const { argv, line } = pythonCall(program, payload);
  const { body, ...limits } = options;
  const stdin = body === undefined ? line : Readable.from(prefixed(line, body));
  const { code, stdout, stderr } = await run(endpoint, ["sudo", "-n", "python3", ...argv], { ...limits, stdin });
  if (code === 0) return JSON.parse(stdout) as unknown;
  const last = stderr.trim().split("\n").at(-1) ?? "";
  if (/sudo:|not found/.test(last))
    throw new UserError({
      what: `cannot run Python 3 as root (${last})`,
      where: endpoint.node,
      next: `it must have python3, and ${endpoint.user} sudo without a password: set both up there, or write its card again`,
    });
  throw new Error(`${program.at(-1) ?? ""} failed on ${endpoint.node}:\n${stderr}`);
}

async function* prefixed(line: string, body: Readable): AsyncGenerator<Buffer> {
  yield Buffer.from(line);
  yield* body as AsyncIterable<Buffer>;
}
