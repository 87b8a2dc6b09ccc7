import type { Surroundings } from "../../../../scripts/lib/backup/command.ts";
import { blockSize, type ServerFiles, type ServerLook } from "../../../../scripts/lib/backup/server-files.ts";
import { NodeUnavailable } from "../../../../stacks/remote/node-unavailable.ts";
import type { Endpoint } from "../../../../stacks/remote/endpoint.ts";
import type { RunResult } from "../../../../stacks/remote/connection.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { fakeTerminal, type FakeTerminal } from "../flash/fake-terminal.ts";
import { keys, sha256, site } from "./example-backup.ts";

export interface FakeServer {
  /** Whether its API answers. */
  live: boolean;
  /** Whether it can be reached. */
  reachable: boolean;
  look: Omit<ServerLook, "snapshots">;
  readonly snapshots: Map<string, { bytes: Buffer; time: number }>;
  /** What a snapshot that is taken now holds; undefined: K3s takes none. */
  data: Buffer | undefined;
  /** K3s commands that ran. */
  readonly commands: string[];
  /** Numbers of the blocks that were read. */
  readonly read: number[];
  /** Called before each read: throws where the connection breaks. */
  beforeRead: () => void;
  /** What lies there for a restore. */
  part: Buffer | undefined;
  /** Offsets at which bytes arrived. */
  readonly received: number[];
  restored: { snapshot: Buffer; manifest: string } | undefined;
}

export function fakeServer(changes: Partial<FakeServer> = {}): FakeServer {
  return {
    live: true,
    reachable: true,
    look: { version: "v1.34.2+k3s1", tokenDigest: sha256(keys.serverToken), hasData: true, disk: "none" },
    snapshots: new Map(),
    data: undefined,
    commands: [],
    read: [],
    beforeRead: () => undefined,
    part: undefined,
    received: [],
    restored: undefined,
    ...changes,
  };
}

/** A server whose card was written anew. */
export const emptyServer = (changes: Partial<FakeServer> = {}) =>
  fakeServer({
    live: false,
    look: { version: null, tokenDigest: null, hasData: false, disk: "none" },
    ...changes,
  });

/** What backup and restore see of a site with these servers. */
export function fakeSurroundings(
  servers: Readonly<Record<string, FakeServer>>,
  { backups, answers = [] }: { backups: string; answers?: readonly string[] },
): Surroundings & { readonly terminal: FakeTerminal } {
  const of = ({ node }: Endpoint) => {
    const server = servers[node];
    if (server === undefined) throw new Error(`the site has no server ${node}`);
    return server;
  };
  return {
    terminal: fakeTerminal(answers),
    readSiteStack: () => Promise.resolve({ site, rootSecret: exampleRootSecret, wifiPassword: undefined }),
    findLiveServer: (endpoints) => {
      const endpoint = endpoints.find((one) => of(one).live);
      const kubectl = () => Promise.reject(new Error("nobody asks kubectl"));
      return Promise.resolve(endpoint && { endpoint, kubectl });
    },
    run: (endpoint, argv) => Promise.resolve(k3s(endpoint, of(endpoint), argv)),
    serverFiles: (endpoint) => filesOf(endpoint, of(endpoint)),
    backups,
  };
}

let clock = 1_764_000_000;

function k3s({ node }: Endpoint, server: FakeServer, argv: readonly string[]): RunResult {
  const [sudo, quiet, binary, topic, verb, ...args] = argv;
  if (`${sudo} ${quiet} ${binary} ${topic}` !== "sudo -n /usr/local/bin/k3s etcd-snapshot")
    throw new Error(argv.join(" "));
  server.commands.push([verb, ...args].join(" "));
  if (verb === "delete") for (const name of args) server.snapshots.delete(name);
  if (verb !== "save") return { stdout: "", stderr: "", code: 0 };
  if (server.data === undefined)
    return { stdout: "", stderr: 'first\nlevel=fatal msg="no space left on device"\n', code: 1 };
  server.snapshots.set(`${args[1]}-${node}-${clock}`, { bytes: server.data, time: clock++ });
  return { stdout: "", stderr: "", code: 0 };
}

function filesOf(endpoint: Endpoint, server: FakeServer): ServerFiles {
  const answer = async <Value>(value: () => Value): Promise<Value> => {
    await Promise.resolve();
    if (!server.reachable) throw new NodeUnavailable(endpoint, "unreachable");
    return value();
  };
  const snapshot = (name: string) => server.snapshots.get(name)?.bytes ?? Buffer.alloc(0);
  const block = (bytes: Buffer, index: number) => bytes.subarray(index * blockSize, (index + 1) * blockSize);
  return {
    look: () =>
      answer(() => ({
        ...server.look,
        snapshots: [...server.snapshots].map(([name, { bytes, time }]) => ({ name, bytes: bytes.length, time })),
      })),
    digest: (name) =>
      answer(() => {
        const bytes = snapshot(name);
        const blocks = Array.from({ length: Math.ceil(bytes.length / blockSize) }, (_, index) =>
          sha256(block(bytes, index)),
        );
        return { bytes: bytes.length, sha256: sha256(bytes), blocks };
      }),
    read: (name, blocks) =>
      answer(() => {
        server.beforeRead();
        server.read.push(...blocks);
        return Buffer.concat(blocks.map((index) => block(snapshot(name), index)));
      }),
    arrived: () => answer(() => server.part && { bytes: server.part.length, sha256: sha256(server.part) }),
    receive: (offset, bytes) =>
      answer(() => {
        server.received.push(offset);
        server.part = Buffer.concat([(server.part ?? Buffer.alloc(0)).subarray(0, offset), bytes]);
      }),
    finish: ({ manifest }) =>
      answer(() => {
        server.restored = { snapshot: server.part ?? Buffer.alloc(0), manifest };
      }),
  };
}
