import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { isRunning } from "../../../stacks/is-running.ts";
import { pulumi, pulumiEnvironment } from "../pulumi.ts";

/** What Pulumi's state says of a stack. */
export interface StackSeen {
  /** Names of its resources. */
  readonly resources: readonly string[];
  /** What an update began and never ended: "creating pi-1-k3s". */
  readonly pending: readonly string[];
  readonly lock: readonly LockOwner[];
}

/** Who holds the state's lock. */
export interface LockOwner {
  readonly pid: number;
  readonly hostname: string;
  /** Unknown for a process on another machine. */
  readonly alive: boolean | undefined;
}

const urn = z.string().transform((text) => text.split("::").at(-1) ?? text);
const exportSchema = z.object({
  deployment: z
    .object({
      resources: z.array(z.object({ urn })).nullish(),
      pending_operations: z.array(z.object({ resource: z.object({ urn }), type: z.string() })).nullish(),
    })
    .nullish(),
});

/** Reads a stack's state and lock, and changes neither. Secrets in the state stay encrypted. */
export async function readStack(stack: string): Promise<StackSeen> {
  const { stdout } = await pulumi(["stack", "export", "--stack", stack]);
  const backend = pulumiEnvironment().PULUMI_BACKEND_URL ?? "";
  return { ...parseExport(stdout), lock: backend.startsWith("file://") ? lockOwners(locksOf(backend, stack)) : [] };
}

/** @param text what `pulumi stack export` prints */
export function parseExport(text: string): Pick<StackSeen, "resources" | "pending"> {
  const { deployment } = exportSchema.parse(JSON.parse(text));
  return {
    resources: (deployment?.resources ?? []).map(({ urn: name }) => name),
    pending: (deployment?.pending_operations ?? []).map(({ resource, type }) => `${type} ${resource.urn}`),
  };
}

/** Where the file backend keeps a stack's locks. */
function locksOf(backend: string, stack: string): string {
  return join(fileURLToPath(backend), ".pulumi", "locks", "organization", "bramble", stack);
}

const lockSchema = z.object({ pid: z.int(), hostname: z.string() });

/** Who holds the locks in a directory of the file backend's, attributes beside them. */
export function lockOwners(locks: string): LockOwner[] {
  if (!existsSync(locks)) return [];
  return readdirSync(locks)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => {
      const owner = readLock(join(locks, name));
      if (owner === undefined) return [];
      return [{ ...owner, alive: owner.hostname === hostname() ? isRunning(owner.pid) : undefined }];
    });
}

/** Undefined where it is gone since, or only half written. */
function readLock(file: string): z.infer<typeof lockSchema> | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}
