import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { z } from "zod";
import { UserError } from "../../../stacks/user-error.ts";
import { ArrivingFile } from "./arriving-file.ts";
import { blockOf, journalName } from "./layout.ts";

/** Runs a command on one node, over the pinned connection. */
export type RunOnNode = (
  argv: readonly string[],
  options: { stdin: string; timeoutSeconds?: number; stdout?: Writable },
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
  /**
   * Brings a block's journal to a file, checked against the digest that the node computed. Goes on where an earlier copy ended; the
   * file is there whole, or as it was.
   */
  copy(block: number, file: string): Promise<void>;
}

export function digestsOf(content: Buffer): JournalDigests {
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const newline = content.indexOf("\n");
  return { sha256: digest(content), start: newline === -1 ? null : digest(content.subarray(0, newline)) };
}

const script = readFileSync(join(import.meta.dirname, "read-journals.py"), "utf8");
const listSchema = z.record(z.string(), z.object({ sha256: z.string(), start: z.string().nullable() }));
/** Seconds that listing may take: the node reads all of it. */
const listSeconds = 300;

/** @param directory the run's directory on the node */
export function nodeJournals(node: string, run: RunOnNode, directory: string): NodeJournals {
  const ask = async (
    request: { readonly file: string | null; readonly size?: number; readonly sha256?: string },
    options: Partial<Parameters<RunOnNode>[1]>,
  ): Promise<string> => {
    const argv = ["sudo", "-n", "python3", "-I", "-B", "-c", script];
    const stdin = `${JSON.stringify({ directory, ...request })}\n`;
    const { stdout, stderr, code } = await run(argv, { ...options, stdin });
    if (code !== 0)
      throw new UserError({
        what: `${request.file ?? directory} could not be read (exit code ${code}): ${stderr.trim().split("\n").at(-1) ?? ""}`,
        where: `node ${node}`,
        next: "see that the node is up and reachable, then collect again: what was copied is kept",
      });
    return stdout;
  };
  return {
    async list() {
      const journals = listSchema.parse(JSON.parse(await ask({ file: null }, { timeoutSeconds: listSeconds })));
      return new Map(Object.entries(journals).map(([name, digests]) => [blockOf(name), digests]));
    },
    async copy(block, file) {
      const arriving = new ArrivingFile(file);
      const arrived = await arriving.arrived();
      const whole = await arriving
        .receive(async (stdout) => {
          await ask({ file: journalName(block), ...arrived }, { stdout });
        })
        .catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          throw new UserError(
            {
              what: `there is no room for ${journalName(block)}`,
              where: file,
              next: "make room on this machine's disk, then collect again: what was copied is kept",
            },
            { cause: error },
          );
        });
      if (!whole)
        throw new UserError({
          what: `${journalName(block)} arrived with another SHA-256 than it has on the node`,
          where: `node ${node}`,
          next: "collect again; if it happens again, check the node's memory and its link",
        });
    },
  };
}
