import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { z } from "zod";
import { UserError } from "../../../stacks/user-error.ts";
import { blockOf, journalName } from "./layout.ts";

/** Runs a command on one node, over the pinned connection. */
export type RunOnNode = (
  argv: readonly string[],
  options: { stdin: string; timeoutSeconds: number },
) => Promise<{ stdout: string; stderr: string; code: number }>;

/** What tells a block's journal from others, on the node and here. */
export interface JournalDigests {
  readonly sha256: string;
  /**
   * SHA-256 of its first line, the block-start record with its time and its pod: journals of one block that share it
   * are of one measurement, however far each goes. Null before that line is whole.
   */
  readonly start: string | null;
}

/** Journals by block. */
export type JournalList = ReadonlyMap<number, JournalDigests>;

/** The journals that a run left on its runner's node. */
export interface NodeJournals {
  list(): Promise<JournalList>;
  /** A block's journal, checked against the digest that the node computed. */
  fetch(block: number): Promise<Buffer>;
}

export function digestsOf(content: Buffer): JournalDigests {
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const newline = content.indexOf("\n");
  return { sha256: digest(content), start: newline === -1 ? null : digest(content.subarray(0, newline)) };
}

const script = readFileSync(join(import.meta.dirname, "read-journals.py"), "utf8");
const listSchema = z.record(z.string(), z.object({ sha256: z.string(), start: z.string().nullable() }));
const fileSchema = z.object({ sha256: z.string(), data: z.base64() });

/** @param directory the run's directory on the node */
export function nodeJournals(node: string, run: RunOnNode, directory: string): NodeJournals {
  const ask = async (file: string | null): Promise<unknown> => {
    const argv = ["sudo", "-n", "python3", "-I", "-B", "-c", script];
    const { stdout, stderr, code } = await run(argv, {
      stdin: JSON.stringify({ directory, file }),
      timeoutSeconds: 300,
    });
    if (code !== 0)
      throw new UserError({
        what: `${file ?? directory} could not be read (exit code ${code}): ${stderr.trim().split("\n").at(-1) ?? ""}`,
        where: `node ${node}`,
        next: "see that the node is up and reachable, then collect again: what was copied is kept",
      });
    return JSON.parse(stdout);
  };
  return {
    async list() {
      const journals = listSchema.parse(await ask(null));
      return new Map(Object.entries(journals).map(([name, digests]) => [blockOf(name), digests]));
    },
    async fetch(block) {
      const { sha256, data } = fileSchema.parse(await ask(journalName(block)));
      const content = inflateSync(Buffer.from(data, "base64"));
      if (digestsOf(content).sha256 !== sha256)
        throw new UserError({
          what: `${journalName(block)} arrived with another SHA-256 than it has on the node`,
          where: `node ${node}`,
          next: "collect again; if it happens again, check the node's memory and its link",
        });
      return content;
    },
  };
}
