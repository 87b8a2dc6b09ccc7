import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../stacks/user-error.ts";
import { killCgroup, processesIn, startInCgroup } from "./cgroup.ts";
import { type RegistryModel, registryModel } from "./model.ts";
import type { Progress } from "./progress.ts";
import { registryCommand } from "./registry-servers.ts";
import type { Twin } from "./twin.ts";

const port = 5000;

/** The registry's name in the site's configuration. */
function registryAddress(twin: Twin): string {
  return `${twin.network.gateway}:${port}`;
}

/** A model that a twin's registry serves. */
export interface ServedModel extends Pick<RegistryModel, "reference" | "digest"> {
  /** Host and port, as the site's configuration names it. */
  readonly registry: string;
}

/**
 * Serves the twin's model on its bridge, making it first if this machine has not yet.
 * @param ollama the directory of the Ollama executable
 */
export async function serveModels(twin: Twin, ollama: string, progress: Progress): Promise<ServedModel> {
  const { reference, digest, storage } = await registryModel(join(ollama, "ollama"), progress);
  await startRegistry(twin, storage, progress);
  const registry = registryAddress(twin);
  progress(`${reference} from ${registry}`);
  return { reference, digest, registry };
}

/** Serves a registry storage directory, read-only, on the twin's bridge. Nothing happens if it is being served already. */
async function startRegistry(twin: Twin, storage: string, progress: Progress): Promise<void> {
  const directory = join(twin.directory, "registry");
  const running = (await processesIn(cgroupOf(twin))).length > 0;
  const served = join(directory, "storage");
  if (running && existsSync(served) && (await readFile(served, "utf8")) === storage && (await answers(twin))) return;
  await stopRegistry(twin);
  const command = await registryCommand(
    { directory, storage, address: registryAddress(twin), readOnly: true },
    progress,
  );
  const log = join(directory, "log");
  await startInCgroup({
    cgroup: cgroupOf(twin),
    log,
    command: ["nsenter", `--net=${twin.network.namespace}`, ...command],
  });
  const end = Date.now() + 20_000;
  while (!(await answers(twin))) {
    await sleep(50);
    if (Date.now() > end) {
      throw new UserError({ what: `the registry at ${registryAddress(twin)} does not answer`, next: `read ${log}` });
    }
  }
  await writeFile(served, storage);
}

/** Ends the twin's registry at once. */
export async function stopRegistry(twin: Twin): Promise<void> {
  await killCgroup(cgroupOf(twin));
}

function cgroupOf(twin: Twin): string {
  return `bramble-${twin.id}-registry`;
}

async function answers(twin: Twin): Promise<boolean> {
  const request = fetch(`http://${registryAddress(twin)}/v2/`, { signal: AbortSignal.timeout(2000) });
  return await request.then(
    (response) => response.ok,
    () => false,
  );
}
