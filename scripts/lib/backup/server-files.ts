import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync, inflateSync } from "node:zlib";
import { z } from "zod";
import { binaryPath, restoreDirectory } from "../../../stacks/k3s/paths.ts";
import { run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";

/** Bytes of the blocks that a snapshot is compared and fetched by: sixteen of etcd's pages. */
export const blockSize = 64 << 10;

const lookSchema = z.strictObject({
  /** K3s's release there; null where K3s is not installed. */
  version: z.string().nullable(),
  /** SHA-256 in hex of the password in the server's token. */
  tokenDigest: z.string().nullable(),
  /** Whether etcd has data there. */
  hasData: z.boolean(),
  /** What the server's data disk holds, mounted or not: none where it is to have none, absent where it is not plugged in. */
  disk: z.enum(["none", "absent", "empty", "data"]),
  /** Files of the snapshots' directory; `time` is Unix time in seconds. */
  snapshots: z.array(z.strictObject({ name: z.string(), bytes: z.int(), time: z.number() })),
});
export type ServerLook = z.infer<typeof lookSchema>;
export type SnapshotFile = ServerLook["snapshots"][number];

const digestSchema = z.strictObject({ bytes: z.int(), sha256: z.string() });
export type FileDigest = z.infer<typeof digestSchema>;

/** Digests of a file and of each of its blocks of {@link blockSize} bytes; the last one may be shorter. */
const blocksSchema = digestSchema.extend({ blocks: z.array(z.string()) });
export type BlockDigests = z.infer<typeof blocksSchema>;

/** What backup and restore do with the files of one server. Transfers are tried again where the connection breaks. */
export interface ServerFiles {
  /** @param dataDisk the device of the server's data disk, which may not be mounted yet */
  look(dataDisk: string | undefined): Promise<ServerLook>;
  digest(name: string): Promise<BlockDigests>;
  /** Blocks of a snapshot by their numbers, one after the other. */
  read(name: string, blocks: readonly number[]): Promise<Buffer>;
  /** What lies there of a snapshot that is to be restored and has not arrived as a whole. */
  arrived(): Promise<FileDigest | undefined>;
  /** Puts bytes of it into place. What lies behind them there is cut off. */
  receive(offset: number, bytes: Buffer): Promise<void>;
  /** Gives what was received its name, and the manifest beside it. @throws UserError when it is not what was sent */
  finish(whole: FileDigest & { manifest: string }): Promise<void>;
}

const script = readFileSync(join(import.meta.dirname, "server-files.py"), "utf8");

/** What differs in tests. */
interface Circumstances {
  readonly run: typeof run;
  /** Stands before every path on the node. */
  readonly base: string;
  /** Milliseconds before each further try of a transfer whose connection broke. */
  readonly pauses: readonly number[];
}

const usual: Circumstances = { run, base: "/", pauses: [1_000, 5_000, 15_000, 30_000] };

export function serverFiles(endpoint: Endpoint, circumstances: Partial<Circumstances> = {}): ServerFiles {
  const { run, base, pauses } = { ...usual, ...circumstances };
  const ask = async (request: Record<string, unknown>): Promise<unknown> => {
    const stdin = JSON.stringify({ base, binary: binaryPath, restore: restoreDirectory, size: blockSize, ...request });
    const argv = ["sudo", "-n", "python3", "-I", "-B", "-c", script];
    const { code, stdout, stderr } = await run(endpoint, argv, { stdin });
    if (code === 0) return JSON.parse(stdout);
    throw new UserError({
      what: `${String(request.action)} failed: ${stderr.trim().split("\n").at(-1) ?? ""}`,
      where: endpoint.node,
      next: `mend what it names (it needs python3, sudo without a password for ${endpoint.user}, and room on the disk), then run this again`,
    });
  };
  const transfer = async (request: Record<string, unknown>): Promise<unknown> => {
    for (const pause of pauses)
      try {
        return await ask(request);
      } catch (error) {
        if (!(error instanceof NodeUnavailable) || error.reason !== "unreachable") throw error;
        await sleep(pause);
      }
    return await ask(request);
  };
  return {
    look: async (dataDisk) => lookSchema.parse(await ask({ action: "look", disk: dataDisk ?? null })),
    digest: async (name) => blocksSchema.parse(await transfer({ action: "digest", name })),
    async read(name, blocks) {
      const answer = await transfer({ action: "read", name, blocks });
      return inflateSync(Buffer.from(z.strictObject({ data: z.base64() }).parse(answer).data, "base64"));
    },
    arrived: async () => digestSchema.nullable().parse(await transfer({ action: "arrived" })) ?? undefined,
    async receive(offset, bytes) {
      await transfer({ action: "receive", offset, data: deflateSync(bytes, { level: 1 }).toString("base64") });
    },
    async finish(whole) {
      const answer = await transfer({ action: "finish", ...whole });
      const { damaged } = z.strictObject({ damaged: z.string().nullable() }).parse(answer);
      if (damaged !== null)
        throw new UserError({
          what: `the snapshot arrived with sha256 ${damaged} instead of ${whole.sha256}`,
          where: endpoint.node,
          next: `run this again; if it happens again, test ${endpoint.node}'s memory and disk`,
        });
    },
  };
}
