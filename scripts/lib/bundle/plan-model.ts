import { createHash } from "node:crypto";
import { basename } from "node:path";
import { sizeOf } from "../../../stacks/download.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { modelName } from "../../../workloads/ollama/model-name.ts";
import { parseManifest } from "./image-manifest.ts";
import { registryUrl } from "./image-name.ts";
import { readKnown, stagedAt, wholeEntry, wholeItem, writeStaged, type Item, type Plan } from "./item.ts";
import { blobPath, linksOf } from "./model-tree.ts";
import type { ModelNeed } from "./needs.ts";
import type { Repository } from "./registry.ts";

/**
 * A model's files: its manifest, its blobs, and what makes them a model for a registry. They come from the site's own registry
 * where that answers and has the model, else from where the reference points.
 * @param siteRegistry the site's, its URL
 * @throws UserError when it is nowhere to be had, or is another model than the experiment locks
 */
export async function planModel(need: ModelNeed, siteRegistry: string | undefined, plan: Plan): Promise<Item[]> {
  const { reference, digest } = need;
  const { full } = modelName(reference, undefined);
  const [, host = "", repository = "", tag = ""] = /^([^/]+)\/(.+):([^:]+)$/.exec(full) ?? [];
  const own: Repository = { url: registryUrl(host), name: repository };
  const site = siteRegistry === undefined ? undefined : { url: siteRegistry, name: repository };
  const known = await readKnown(plan, blobPath(digest), digest);
  const repositories = site === undefined ? [own] : [site, own];
  const found =
    known !== undefined && (await isComplete(known, reference, plan))
      ? { manifest: known, repository: own }
      : await findManifest(need, tag, known, repositories, plan);
  const blobs = blobsOf(found.manifest, reference);

  const item = async (name: string, sha256: string, bytes: number, content?: Buffer): Promise<Item> => {
    const whole = await wholeEntry(plan, (entry) => entry.name === name && entry.sha256 === sha256);
    if (whole !== undefined) return wholeItem({ ...whole, source: full });
    const from = plan.registries.blob(found.repository, `sha256:${sha256}`);
    return {
      ...{ kind: "model" as const, name, source: full, bytes },
      fetches: content === undefined ? [{ sha256, bytes, from }] : [],
      take: async () => {
        const file = stagedAt(plan, sha256);
        if (content !== undefined) await writeStaged(file, content);
        return { file, entry: { kind: "model", name, source: full, bytes, sha256 } };
      },
    };
  };
  const small = (name: string, content: Buffer) =>
    item(name, createHash("sha256").update(content).digest("hex"), content.length, content);
  return await Promise.all([
    small(blobPath(digest), found.manifest),
    ...[...blobs].map(([blob, size]) => item(blobPath(blob), blob.slice("sha256:".length), size)),
    ...[...linksOf({ repository, tag }, digest, [...blobs.keys()])].map(([name, text]) =>
      small(name, Buffer.from(text)),
    ),
  ]);
}

function blobsOf(manifest: Buffer, reference: string): ReadonlyMap<string, number> {
  const { config, layers } = parseManifest(manifest, reference);
  return new Map([config, ...layers].map((blob) => [blob.digest, blob.size]));
}

/** Whether all of a model's blobs are here, so that nobody need be asked for them. */
async function isComplete(manifest: Buffer, reference: string, plan: Plan): Promise<boolean> {
  for (const digest of blobsOf(manifest, reference).keys()) {
    const name = blobPath(digest);
    const staged = (await sizeOf(stagedAt(plan, digest))) !== undefined;
    if (!staged && (await wholeEntry(plan, (entry) => entry.name === name)) === undefined) return false;
  }
  return true;
}

async function findManifest(
  { reference, digest }: ModelNeed,
  tag: string,
  known: Buffer | undefined,
  repositories: readonly Repository[],
  plan: Plan,
): Promise<{ readonly manifest: Buffer; readonly repository: Repository }> {
  const failures: UserError[] = [];
  for (const [index, repository] of repositories.entries()) {
    const last = index === repositories.length - 1;
    try {
      const found = await plan.registries.manifest(repository, tag, last ? {} : { tries: 1 });
      if (found.digest === digest) return { manifest: found.bytes, repository };
      failures.push(
        new UserError({
          what: `${basename(repository.name)}:${tag} is ${found.digest} there, but the experiment locks ${digest}`,
          where: `${repository.url}, model ${reference}`,
          next: "lock the digest that the registry has (model.digest), or keep the old model in a registry of the site's",
        }),
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  // The tag has moved on, or nobody answers: the blobs may be had all the same.
  const [repository] = repositories.toReversed();
  if (known !== undefined && repository !== undefined) return { manifest: known, repository };
  throw failures.at(-1) ?? new Error("a model without a registry");
}
