import { basename } from "node:path";
import type { ArtefactSource, WorkloadImage } from "../../../stacks/config/artefact.ts";
import type { Architecture, BundleEntry } from "../../../stacks/config/bundle-lock.ts";
import type { Experiment } from "../../../stacks/config/experiment.ts";
import { lockedModels } from "../../../stacks/locked-models.ts";
import type { BaseImage, Site } from "../../../stacks/config/site.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { archiveName, parsePinnedImage, type PinnedImage } from "./image-name.ts";

/** A file by path or URL. */
export interface FileNeed extends Pick<BundleEntry, "kind" | "name" | "source"> {
  readonly type: "file";
  readonly sha256: string;
  readonly from: { readonly file: string } | { readonly url: string };
}

/** An image to be made an archive of. */
export interface ImageNeed extends Pick<BundleEntry, "kind" | "name" | "source"> {
  readonly type: "image";
  readonly image: PinnedImage;
  readonly gpu: boolean;
}

/** A model that an experiment locks. */
export interface ModelNeed {
  readonly type: "model";
  readonly reference: string;
  /** Of its manifest. sha256:... */
  readonly digest: string;
}

export type Need = FileNeed | ImageNeed | ModelNeed;

type Kind = BundleEntry["kind"];

/** Directories of a bundle by what lies in them; models have a tree of their own. */
const directories = {
  "base-image": "os",
  "k3s-binary": "k3s",
  "k3s-images": "k3s",
  "workload-image": "images",
} as const;

/**
 * All that a site needs, each thing once, in a stable order.
 * @param experiments that run on it, as far as they are known here
 * @throws UserError when two different files would have the same name in the bundle
 */
export function needsOf(site: Site, experiments: readonly Experiment[], architecture: Architecture): Need[] {
  const archive = (given: WorkloadImage): Need => {
    if (given.image === undefined) return fileNeed("workload-image", given);
    const image = parsePinnedImage(given.image);
    const name = `${directories["workload-image"]}/${archiveName(image, architecture, given.gpu)}`;
    return { type: "image", kind: "workload-image", name, source: given.image, image, gpu: given.gpu };
  };
  const files = [
    fileNeed("base-image", site.image),
    fileNeed("k3s-binary", site.k3s.binary),
    ...site.k3s.images.map((given) => fileNeed("k3s-images", given)),
    ...site.images.map(archive),
  ];
  const models = [site, ...experiments].flatMap(({ models: named = {} }) =>
    Object.values(lockedModels(named)).map(({ reference, digest }): Need => ({ type: "model", reference, digest })),
  );
  const needs = new Map<string, Need>();
  const clashes: string[] = [];
  for (const need of [...files, ...models]) {
    const key = keyOf(need);
    const other = needs.get(key);
    if (other !== undefined && contentOf(other) !== contentOf(need))
      clashes.push(`${sourceOf(other)} and ${sourceOf(need)} would both be ${key}`);
    else if (other === undefined) needs.set(key, need);
  }
  if (clashes.length > 0)
    throw new UserError({
      what: `different things would have one name in the bundle\n${clashes.map((line) => `  - ${line}`).join("\n")}`,
      where: `site ${site.name}`,
      next: "rename one of them, or give its experiment the same model",
    });
  return [...needs].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, need]) => need);
}

function fileNeed(
  kind: Exclude<Kind, "model">,
  { file, url, sha256 = "" }: ArtefactSource | WorkloadImage | BaseImage,
): Need {
  const source = file ?? url ?? "";
  const from = file === undefined ? { url: source } : { file };
  const name = basename(file ?? decodeURIComponent(new URL(source).pathname));
  if (!/^[^.\\][^\\]*$/.test(name))
    throw new UserError({
      what: "does not end in a file's name",
      where: source,
      next: "name a file whose name does not begin with a dot",
    });
  return { type: "file", kind, name: `${directories[kind]}/${name}`, source, sha256, from };
}

/** What can be there only once. Of a model that is its name: a registry has one model under it. */
function keyOf(need: Need): string {
  return need.type === "model" ? need.reference : need.name;
}

function contentOf(need: Need): string {
  if (need.type === "image") return `${need.source} ${need.gpu}`;
  return need.type === "file" ? need.sha256 : need.digest;
}

function sourceOf(need: Need): string {
  return need.type === "model" ? need.digest : need.source;
}
