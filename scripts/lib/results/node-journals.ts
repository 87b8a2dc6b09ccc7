import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { z } from "zod";
import { UserError } from "../../../stacks/user-error.ts";
import { journalName } from "./layout.ts";

/** Runs a command on one node, over the pinned connection. */
export type RunOnNode = (
  argv: readonly string[],
  options: { stdin: string; timeoutSeconds: number },
) => Promise<{ stdout: string; stderr: string; code: number }>;

/** The journals that a run left on its runner's node. */
export interface NodeJournals {
  /** SHA-256 of each block's journal, by block. */
  list(): Promise<ReadonlyMap<number, string>>;
  /** A block's journal and its digest, which the node computed and this end checked. */
  fetch(block: number): Promise<{ content: Buffer; sha256: string }>;
}

const script = readFileSync(join(import.meta.dirname, "read-journals.py"), "utf8");
const listSchema = z.record(z.string(), z.string());
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
      return new Map(Object.entries(journals).map(([name, sha256]) => [Number(/\d+/.exec(name)?.[0]), sha256]));
    },
    async fetch(block) {
      const { sha256, data } = fileSchema.parse(await ask(journalName(block)));
      const content = inflateSync(Buffer.from(data, "base64"));
      if (createHash("sha256").update(content).digest("hex") !== sha256)
        throw new UserError({
          what: `${journalName(block)} arrived with another SHA-256 than it has on the node`,
          where: `node ${node}`,
          next: "collect again; if it happens again, check the node's memory and its link",
        });
      return { content, sha256 };
    },
  };
}
