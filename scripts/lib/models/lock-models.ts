import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../../stacks/user-error.ts";
import { mediaTypes } from "../../../workloads/ollama/derived-model.ts";
import { modelLockName, type LockEntry, type ModelLock } from "../../../workloads/ollama/model-lock.ts";
import { modelName } from "../../../workloads/ollama/model-name.ts";
import { parseManifest, type Descriptor } from "../bundle/image-manifest.ts";
import { registryUrl } from "../bundle/image-name.ts";
import type { Registries, Repository } from "../bundle/registry.ts";

/** What a model's registry says of it now, beside what the lock has. */
export interface LockedNow {
  readonly reference: string;
  readonly now: LockEntry;
  /** Undefined where it was never locked. */
  readonly before: LockEntry | undefined;
}

/** Bytes; a configuration has some hundred. */
const largestText = 64 * 1024;

const configSchema = z.looseObject({ file_type: z.string().optional(), model_type: z.string().optional() });

/**
 * Asks for each model what its name means now: the site's registry where it has one and that has the model, else the one that
 * the reference names.
 * @param siteRegistry the site's, its URL
 * @throws UserError where a model is nowhere to be had
 */
export async function askModels(
  references: readonly string[],
  lock: ModelLock,
  siteRegistry: string | undefined,
  registries: Registries,
): Promise<LockedNow[]> {
  const found: LockedNow[] = [];
  for (const reference of references)
    found.push({
      reference,
      now: await askModel(reference, siteRegistry, registries),
      before: lock.models[reference],
    });
  return found;
}

async function askModel(
  reference: string,
  siteRegistry: string | undefined,
  registries: Registries,
): Promise<LockEntry> {
  const { full } = modelName(reference, undefined);
  const [, host = "", name = "", tag = ""] = /^([^/]+)\/(.+):([^:]+)$/.exec(full) ?? [];
  const own: Repository = { url: registryUrl(host), name };
  if (siteRegistry !== undefined) {
    const site: Repository = { url: siteRegistry, name };
    try {
      return await readModel(site, tag, reference, registries, 1);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return await readModel(own, tag, reference, registries, undefined);
}

async function readModel(
  repository: Repository,
  tag: string,
  reference: string,
  registries: Registries,
  tries: number | undefined,
): Promise<LockEntry> {
  const { bytes, digest } = await registries.manifest(repository, tag, tries === undefined ? {} : { tries });
  const { config: configLayer, layers } = parseManifest(bytes, reference);
  const paramsLayer = layers.find(({ mediaType }) => mediaType === mediaTypes.params);
  const read = async (layer: Descriptor) => await readText(repository, layer, registries);
  const [config, params] = [await read(configLayer), paramsLayer === undefined ? null : await read(paramsLayer)];
  const { file_type: quantization, model_type: parameters } = parseConfig(config);
  return {
    digest,
    bytes: [configLayer, ...layers].reduce((sum, { size }) => sum + size, 0),
    quantization: quantization ?? null,
    parameters: parameters ?? null,
    source:
      config === null || (params === null && paramsLayer !== undefined)
        ? null
        : { manifest: bytes.toString("utf8"), config, params },
  };
}

/** A small blob as it is; null where it can't be had, or is another one: an experiment needs none of them. */
async function readText(
  repository: Repository,
  { digest, size }: Descriptor,
  registries: Registries,
): Promise<string | null> {
  if (size > largestText) return null;
  const { url, headers } = registries.blob(repository, digest);
  try {
    const response = await fetch(url, { headers: await headers() });
    if (!response.ok) return null;
    const bytes = Buffer.from(await response.arrayBuffer());
    return `sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest ? bytes.toString("utf8") : null;
  } catch {
    return null;
  }
}

/** The model's own configuration; empty where it says nothing: only people read it. */
function parseConfig(text: string | null): z.infer<typeof configSchema> {
  try {
    return configSchema.parse(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

/** One line on a model. */
export function describeLocked({ reference, now, before }: LockedNow): string {
  const size = `${Math.round(now.bytes / 1e6)} MB${now.quantization === null ? "" : `, ${now.quantization}`}`;
  if (before === undefined) return `${reference}: ${now.digest} (${size})`;
  if (before.digest === now.digest) return `${reference}: unchanged, ${now.digest}`;
  return `${reference}: changed from ${before.digest} to ${now.digest} (${size})`;
}

/**
 * The lock with what was found. Entries of other models stay.
 * @throws UserError naming every model that is another now than when it was locked, unless that is wanted
 */
export function updatedLock(lock: ModelLock, found: readonly LockedNow[], update: boolean): ModelLock {
  const changed = found.filter(({ before, now }) => before !== undefined && before.digest !== now.digest);
  if (changed.length > 0 && !update)
    throw new UserError({
      what: `the registry has other models now under these names:\n${changed.map((one) => `  - ${describeLocked(one)}`).join("\n")}`,
      where: modelLockName,
      next: "keep the locked ones in a registry of the site's; or measure the new ones: add --update",
    });
  const models = Object.fromEntries(found.map(({ reference, now }) => [reference, now]));
  return { schema: 1, models: { ...lock.models, ...models } };
}
