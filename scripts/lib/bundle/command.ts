import { mkdir, statfs } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { lock as lockFile } from "proper-lockfile";
import { bundlesDirectory, readBundle, readLock, takeFromBundle } from "../../../stacks/config/bundle.ts";
import { architectures, type Architecture, type BundleEntry } from "../../../stacks/config/bundle-lock.ts";
import type { Experiment } from "../../../stacks/config/experiment.ts";
import { modelSourceOf } from "../../../stacks/config/model-registry.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { codeOf, defaultPatience, type Patience } from "../../../stacks/download.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Terminal } from "../ask.ts";
import { Progress } from "../flash/progress.ts";
import { gigabytes } from "../flash/words.ts";
import type { Session } from "../main.ts";
import { describeImages, describeItems, describeSizes, type Sizes } from "./describe.ts";
import { bytesOf, distinct, gather } from "./gather.ts";
import { stagedBytes, stagingOf, type Item, type Plan } from "./item.ts";
import { needsOf } from "./needs.ts";
import { planFile } from "./plan-file.ts";
import { planImage } from "./plan-image.ts";
import { planModel } from "./plan-model.ts";
import { readStack } from "./read-stack.ts";
import { Registries } from "./registry.ts";
import { k3sReleases, ReleaseSums } from "./release-sums.ts";
import { verifyBundle } from "./verify.ts";

const usage = `Usage: npm run bundle -- <stack> [--arch <architecture>] [--dry-run | --verify]

Gathers all that a site needs into bundles/<site>/: base image, K3s, container images, models, with a lock of their digests.
What is there already is not fetched again; a run that was cut off goes on where it stopped.
  --arch     the boards' architecture: arm64 (default), amd64 or arm
  --dry-run  only say what there is to fetch
  --verify   only compare every file with the lock
Exit codes: 0 the bundle is there, whole; 1 an error, and the bundle is what it was
`;

/** What bundling needs of the world outside. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly readStack: typeof readStack;
  /** Holds the bundles of all sites. */
  readonly bundles: string;
  /** Below which K3s's releases are. */
  readonly releases: string;
  readonly patience: Patience;
  /** Bytes that a directory's disk has room for. */
  readonly freeBytes: (directory: string) => Promise<number>;
}

export const thisMachine: Surroundings = {
  terminal: { input: process.stdin, output: process.stdout },
  readStack,
  bundles: join(root, bundlesDirectory),
  releases: k3sReleases,
  patience: defaultPatience,
  freeBytes: async (directory) => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  },
};

/** `npm run bundle`, with these arguments. */
export async function bundle(
  args: readonly string[],
  { signal, defer }: Session,
  surroundings: Surroundings = thisMachine,
): Promise<void> {
  const { output } = surroundings.terminal;
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      arch: { type: "string", default: "arm64" },
      "dry-run": { type: "boolean", default: false },
      verify: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    output.write(usage);
    return;
  }
  const [stack, ...others] = positionals;
  if (stack === undefined || others.length > 0 || (values["dry-run"] && values.verify))
    throw new UserError({
      what: "name one site's stack, and at most one of --dry-run and --verify",
      next: "npm run bundle -- <stack>, or --help",
    });
  const architecture = asArchitecture(values.arch);
  const site = readSite(stack, surroundings);
  const directory = join(surroundings.bundles, site.name);
  if (values.verify) {
    await verify(stack, site, directory, signal, surroundings);
    return;
  }

  const experiments = readExperiments(site, surroundings);
  const plan: Plan = {
    architecture,
    directory,
    known: readKnownBundle(site.name, architecture, surroundings),
    registries: new Registries(surroundings.patience, signal),
    patience: surroundings.patience,
    signal,
  };
  // Two at once would write into each other's files.
  if (!values["dry-run"]) defer(await holdDirectory(directory));
  const items = await planAll(site, [...experiments.values()], plan, surroundings.releases);
  const sizes = await sizesOf(items, plan, await surroundings.freeBytes(await existing(directory)));
  if (values["dry-run"]) {
    output.write(
      describeItems(await Promise.all(items.map(async (item) => ({ ...item, missing: await missingOf(item, plan) })))),
    );
    output.write(`${stack}: ${describeSizes(sizes)}\n`);
    return;
  }
  output.write(`${stack}: ${describeSizes(sizes)}\n`);
  refuseSmallDisk(sizes, items, directory);
  const made = await gather(site.name, items, plan, new Progress(output));
  for (const line of describeImages(made, experiments)) output.write(`${line}\n`);
  output.write(
    `${stack}: ${relative(root, directory)} is whole: ${made.entries.length} files, ${gigabytes(bytesOf(made.entries))}\n  Next: npm run up -- ${stack}, here or where there is no internet (docs/offline.md)\n`,
  );
}

function asArchitecture(given: string): Architecture {
  const known = architectures.find((architecture) => architecture === given);
  if (known !== undefined) return known;
  throw new UserError({
    what: `${given} is no architecture that K3s is made for`,
    where: "--arch",
    next: `give one of ${architectures.join(", ")}; a Raspberry Pi 5 is arm64`,
  });
}

function readSite(stack: string, surroundings: Surroundings): Site {
  const config = surroundings.readStack(stack);
  if (config?.kind === "site") return config.site;
  throw new UserError({
    what: config === undefined ? "there is no such file" : "is an experiment, which belongs to the bundle of its site",
    where: `Pulumi.${stack}.yaml`,
    next: config === undefined ? "name a site's stack" : `npm run bundle -- ${config.experiment.site}`,
  });
}

/** The site's experiments, as far as they are described here. */
function readExperiments(site: Site, { readStack, terminal }: Surroundings): Map<string, Experiment> {
  const found = new Map<string, Experiment>();
  for (const stack of site.experiments) {
    const config = readStack(stack);
    if (config?.kind === "experiment") found.set(stack, config.experiment);
    else
      terminal.output.write(
        `${stack}: there is no Pulumi.${stack}.yaml with an experiment, so its model is not in the bundle\n`,
      );
  }
  return found;
}

/**
 * What the bundle holds: by its lock and by that of a run that was cut off while it put things in their place. One that can't be
 * read is as good as none: all is looked at anew.
 */
function readKnownBundle(site: string, architecture: Architecture, { bundles, terminal }: Surroundings) {
  const entries: BundleEntry[] = [];
  for (const directory of [join(bundles, site), stagingOf(join(bundles, site))])
    try {
      const lock = readLock(directory, site);
      if (lock?.architecture === architecture) entries.push(...lock.entries);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      terminal.output.write(`${error.message}\n  It is made anew now\n`);
    }
  return entries;
}

async function holdDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  try {
    // A lock whose owner was killed goes stale after 5 s without a sign of life.
    return await lockFile(directory, {
      lockfilePath: join(directory, ".lock"),
      stale: 5_000,
      update: 1_000,
      retries: { retries: 7, minTimeout: 1_000, factor: 1 },
    });
  } catch (error) {
    if (codeOf(error) !== "ELOCKED") throw error;
    throw new UserError({
      what: "another run is making this bundle",
      where: directory,
      next: "wait until it has ended, then run this again",
    });
  }
}

async function planAll(site: Site, experiments: readonly Experiment[], plan: Plan, releases: string): Promise<Item[]> {
  const sums = new ReleaseSums({ ...plan, releases });
  const items = new Map<string, Item>();
  for (const need of needsOf(site, experiments, plan.architecture)) {
    plan.signal.throwIfAborted();
    const planned =
      need.type === "model"
        ? await planModel(need, modelSourceOf(site), plan)
        : [await (need.type === "image" ? planImage(need, plan) : planFile(need, plan, sums))];
    // Models share blobs.
    for (const item of planned) if (!items.has(item.name)) items.set(item.name, item);
  }
  return [...items.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function missingOf({ fetches }: Pick<Item, "fetches">, plan: Plan): Promise<number> {
  let missing = 0;
  for (const fetch of fetches) missing += Math.max(0, (fetch.bytes ?? 0) - (await stagedBytes(plan, fetch)));
  return missing;
}

async function sizesOf(items: readonly Item[], plan: Plan, free: number): Promise<Sizes> {
  return {
    files: items.length,
    bytes: items.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    partly: items.some(({ bytes }) => bytes === undefined),
    missing: await missingOf({ fetches: distinct(items).map(({ fetch }) => fetch) }, plan),
    free,
  };
}

/** @throws UserError when what is missing, and archives as large as what they are made from, would not fit */
function refuseSmallDisk({ missing, free }: Sizes, items: readonly Item[], directory: string): void {
  const archives = items
    .filter(({ kind, fetches }) => kind === "workload-image" && fetches.length > 1)
    .reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  if (missing + archives <= free) return;
  throw new UserError({
    what: `the disk has ${gigabytes(free)} free, and ${gigabytes(missing + archives)} are needed${archives === 0 ? "" : ", with room to make images"}`,
    where: directory,
    next: `free space on this disk, or make ${bundlesDirectory}/ a link to a directory on another one`,
  });
}

/** The directory, or the first above it that exists. */
async function existing(directory: string): Promise<string> {
  for (let path = directory; ; path = join(path, "..")) {
    try {
      await statfs(path);
      return path;
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || path === "/") throw error;
    }
  }
}

async function verify(
  stack: string,
  site: Site,
  directory: string,
  signal: AbortSignal,
  { bundles, terminal }: Surroundings,
): Promise<void> {
  const lock = readBundle(site.name, bundles);
  if (lock === undefined)
    throw new UserError({
      what: "there is no bundle",
      where: directory,
      next: `make it where there is internet: npm run bundle -- ${stack}`,
    });
  await verifyBundle(directory, lock, new Progress(terminal.output), signal);
  takeFromBundle({ ...site, offline: true }, lock);
  terminal.output.write(
    `${stack}: ${lock.entries.length} files, ${gigabytes(bytesOf(lock.entries))}, all of them as the lock says, and all that the site needs\n`,
  );
}
