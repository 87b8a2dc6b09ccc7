import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseSite } from "../../stacks/config/parse.ts";
import type { Site } from "../../stacks/config/site.ts";
import { generateRootSecret } from "../../stacks/keys/root-secret.ts";
import { stateDirectory } from "../../stacks/root.ts";
import { setStackKey, stackFile, stackKey } from "../../twin/stack-files.ts";
import { pulumi, stackNames } from "./pulumi.ts";

/** Makes the stack where there is none, and sets its key unless the person has one there already. */
export async function ensureStack(stack: string, key: "site" | "experiment", value: unknown): Promise<void> {
  if (!(await stackNames()).includes(stack)) await pulumi(["stack", "init", stack, "--no-select"]);
  if (stackKey(stack, key) === undefined) setStackKey(stack, key, value);
}

/** Gives a site's stack its root secret, unless it has one. */
export async function ensureRootSecret(stack: string): Promise<void> {
  if (stackKey(stack, "rootSecret") !== undefined) return;
  await pulumi(["config", "set", "--secret", "bramble:rootSecret", "--stack", stack], { input: generateRootSecret() });
}

/**
 * A twin's site as its file has it, with the K3s and the images that this machine has built last. The cards' base image
 * stays as it was while it exists: with another one, each preview would say that the running cards are made from the first.
 */
export function refreshSite(stack: string, built: Record<string, unknown>): Site {
  const current = parseSite(stack, stackKey(stack, "site"));
  const image = existsSync(current.image.file ?? "") ? current.image : built.image;
  const k3s = { ...current.k3s, ...(built.k3s as Pick<Site["k3s"], "version" | "binary" | "images">) };
  setStackKey(stack, "site", { ...current, image, k3s, images: built.images });
  return parseSite(stack, stackKey(stack, "site"));
}

/** Removes the stacks' files and their state from the project's own backend, which goes too when it holds no other stack. */
export function removeStacks(stacks: readonly string[]): void {
  const backend = join(stateDirectory, "state", ".pulumi");
  const records = join(backend, "stacks", "bramble");
  for (const stack of stacks) {
    rmSync(stackFile(stack), { force: true });
    for (const file of [`${stack}.json`, `${stack}.json.bak`, `${stack}.json.attrs`, `${stack}.json.bak.attrs`])
      rmSync(join(records, file), { force: true });
    for (const kind of ["history/bramble", "backups/bramble", "locks/organization/bramble"])
      rmSync(join(backend, kind, stack), { recursive: true, force: true });
  }
  const others = existsSync(records) ? readdirSync(records).filter((name) => name.endsWith(".json")) : [];
  if (others.length === 0) rmSync(stateDirectory, { recursive: true, force: true });
}
