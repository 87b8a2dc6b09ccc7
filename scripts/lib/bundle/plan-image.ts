import { readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseLock, renderLock, type BundleEntry } from "../../../stacks/config/bundle-lock.ts";
import { digestOfFile } from "../../../stacks/cards/image-digest.ts";
import { sizeOf } from "../../../stacks/download.ts";
import { writeImageArchive } from "./image-archive.ts";
import { chooseManifest, parseManifest } from "./image-manifest.ts";
import { registryUrl } from "./image-name.ts";
import { stagedAt, stagingOf, wholeEntry, wholeItem, writeStaged, type Fetch, type Item, type Plan } from "./item.ts";
import type { ImageNeed } from "./needs.ts";

/** @throws UserError when it is not there, not for the boards, or its registry can't be reached */
export async function planImage(need: ImageNeed, plan: Plan): Promise<Item> {
  const { kind, name, source, image, gpu } = need;
  // The name holds the source's digest, the architecture and whether the libraries for graphics cards are in it.
  const whole = await wholeEntry(plan, (entry) => entry.name === name && entry.source === source);
  const staged = join(stagingOf(plan.directory), basename(name));
  if (whole !== undefined) return wholeItem(whole);
  const record = await readRecord(staged);
  if (record !== undefined)
    return { ...wholeItem(record), take: () => Promise.resolve({ entry: record, file: staged }) };

  const repository = { url: registryUrl(image.registry), name: image.repository };
  const first = await plan.registries.manifest(repository, image.digest);
  const chosen = chooseManifest(first.bytes, plan.architecture, source);
  const { bytes: manifest } = chosen === undefined ? first : await plan.registries.manifest(repository, chosen.digest);
  const { config, layers } = parseManifest(manifest, source);
  const fetches = [...new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()].map(
    ({ digest, size }): Fetch => ({
      sha256: digest.slice("sha256:".length),
      bytes: size,
      from: plan.registries.blob(repository, digest),
    }),
  );
  return {
    ...{ kind, name, source, fetches },
    bytes: fetches.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    take: async () => {
      const made = await writeImageArchive(staged, {
        ...{ source, name: image, gpu, manifest },
        architecture: plan.architecture,
        blob: (digest) => stagedAt(plan, digest),
        signal: plan.signal,
      });
      const sha256 = await digestOfFile(staged, { signal: plan.signal });
      const entry: BundleEntry = { kind, name, source, bytes: (await sizeOf(staged)) ?? 0, sha256, image: made };
      await writeRecord(plan, staged, entry);
      return { entry, file: staged };
    },
  };
}

/** What was made in a run that was cut off later is not made again. The record is there only when the archive is whole. */
async function readRecord(staged: string): Promise<BundleEntry | undefined> {
  try {
    const { entries } = parseLock(await readFile(`${staged}.json`, "utf8"), staged);
    const [entry] = entries;
    if (entry !== undefined && (await sizeOf(staged)) === entry.bytes) return entry;
  } catch {
    // Made anew.
  }
  await rm(`${staged}.json`, { force: true });
  return undefined;
}

async function writeRecord({ architecture }: Plan, staged: string, entry: BundleEntry): Promise<void> {
  const record = renderLock({ schema: 1, site: "record", architecture, entries: [entry] });
  await writeStaged(`${staged}.json`, record);
}
