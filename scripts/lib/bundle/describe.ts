import type { BundleLock } from "../../../stacks/config/bundle-lock.ts";
import type { Experiment } from "../../../stacks/config/experiment.ts";
import { gigabytes } from "../flash/words.ts";
import { parseImageName } from "./image-name.ts";

/** A bundle that is to be, in numbers. */
export interface Sizes {
  readonly files: number;
  readonly bytes: number;
  /** Whether servers did not say of some files how large they are. */
  readonly partly: boolean;
  readonly missing: number;
  /** Bytes that the disk has room for. */
  readonly free: number;
}

/** "42 files, 3.1 GB, of which 2.9 GB are still to be fetched; 40.0 GB free". */
export function describeSizes({ files, bytes, partly, missing, free }: Sizes): string {
  const least = partly ? "at least " : "";
  const total = `${files} file${files === 1 ? "" : "s"}, ${least}${gigabytes(bytes)}`;
  const rest =
    missing === 0 && !partly ? "all of it here" : `of which ${least}${gigabytes(missing)} are still to be fetched`;
  return `${total}, ${rest}; ${gigabytes(free)} free`;
}

/** One line for each file. */
export function describeItems(
  items: readonly { kind: string; name: string; source: string; bytes: number | undefined; missing: number }[],
): string {
  const rows = items.map(({ kind, name, source, bytes, missing }) => [
    kind,
    bytes === undefined ? "?" : gigabytes(bytes),
    missing > 0 || bytes === undefined ? "to fetch" : "here",
    name,
    source,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** The names that pods must call the bundle's images by, and which experiments call them otherwise. */
export function describeImages(
  { entries }: Pick<BundleLock, "entries">,
  experiments: ReadonlyMap<string, Experiment>,
): string[] {
  const made = entries.flatMap(({ image, source }) => (image === undefined ? [] : [{ source, image }]));
  if (made.length === 0) return [];
  const known = new Set(made.map(({ image }) => image.reference));
  const lines = made.map(({ source, image }) => {
    const bytes = image.leftOut.reduce((sum, one) => sum + one.bytes, 0);
    return `  ${image.reference}${bytes === 0 ? "" : `, without ${gigabytes(bytes)} for graphics cards`}\n    from ${source}`;
  });
  const others = [...experiments].flatMap(([stack, { images }]) =>
    Object.entries(images).flatMap(([key, reference]) => {
      const repository = repositoryOf(reference);
      const same = made.filter(({ image }) => repositoryOf(image.reference) === repository);
      return same.length === 0 || known.has(reference) ? [] : [`  Pulumi.${stack}.yaml, images.${key}: ${reference}`];
    }),
  );
  return [
    "Images are called by these names, in experiments too (an image from an archive has no other):",
    ...lines,
    ...(others.length === 0
      ? []
      : ["Experiments that call them otherwise, and would wait for them in vain:", ...others]),
  ];
}

function repositoryOf(reference: string): string {
  const { registry, repository } = parseImageName(reference);
  return `${registry}/${repository}`;
}
