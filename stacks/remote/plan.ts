import { basename } from "node:path";
import { isFile, unitDifferences, type Records } from "./drift.ts";
import { formatSize } from "./format-size.ts";
import type { ManagedFile, Phase } from "./phase.ts";

/** Files that a plan names; more are counted. */
const named = 4;

/**
 * What applying a phase would do to its node, or undefined where nothing:
 * "pi-1 k3s: will write 7 files (262 MB): k3s (72 MB), k3s.service (0.5 kB), 5 more; then "restarted k3s.service"".
 * @param records what a probe saw; undefined where the node did not answer, and all that the phase holds is said
 * @param sizeOf bytes of an artefact on this machine, undefined where it is not there
 */
export function planOf(
  phase: Phase,
  records: Records | undefined,
  sizeOf: (source: string) => number | undefined,
): string | undefined {
  const record = records?.[phase.name];
  const files = phase.files.filter((file) => !isFile(record?.files[file.path]?.present ?? null, file));
  const paths = new Set(files.map(({ path }) => path));
  const follows = (after: readonly string[] | undefined, title: string) =>
    (after ?? []).some((path) => paths.has(path)) || record?.pending.includes(title) === true;
  const isRepair = (file: ManagedFile) => isFile(record?.files[file.path]?.installed ?? null, file);

  const units = (phase.units ?? []).filter((unit) => {
    const seen = record?.units[unit.name];
    return seen === undefined || unitDifferences(unit, seen.present).length > 0;
  });
  const directories = phase.directories.filter(({ path, mode, owner }) => {
    const present = record?.directories[path]?.present;
    return present?.mode !== mode || present.owner !== owner;
  });
  const packages = (phase.packages ?? []).filter(({ name, state }) => {
    const seen = record?.packages[name];
    return seen === undefined || (seen.present !== null && seen.present !== state);
  });
  const labels = Object.entries(phase.labels?.labels ?? {}).filter(([key, value]) => {
    const seen = record?.labels;
    return seen?.node !== phase.labels?.node || (seen?.present != null && seen.present[key] !== value);
  });
  const dropped = Object.keys(record?.files ?? {}).filter((path) => !phase.files.some((file) => file.path === path));

  const steps = [
    ...(phase.units ?? [])
      .filter(({ name, after }) => record !== undefined && follows(after, `restarted ${name}`))
      .map(({ name }) => `restarted ${name}`),
    ...phase.steps.filter(({ after, title }) => follows(after, title)).map(({ title }) => title),
  ].filter((title) => !units.some(({ name }) => title === `restarted ${name}`));
  const parts = [
    ...packages.map(({ name, state }) => `${state === "installed" ? "install" : "uninstall"} ${name}`),
    files.length === 0 ? "" : `${files.every(isRepair) ? "repair" : "write"} ${listOf(files, sizeOf)}`,
    directories.length === 0 ? "" : `make ${directories.map(({ path }) => path).join(", ")}`,
    dropped.length === 0 ? "" : `put back ${dropped.map((path) => basename(path)).join(", ")}`,
    units.length === 0 ? "" : `see to ${units.map(({ name }) => name).join(", ")}`,
    labels.length === 0 ? "" : `label ${phase.labels?.node ?? ""} ${labels.map(([key]) => key).join(", ")}`,
  ].filter((part) => part !== "");
  const then = steps.length === 0 ? [] : [`then ${steps.map((title) => `"${title}"`).join(", ")}`];
  if (parts.length === 0 && then.length === 0) return undefined;
  return `${phase.node} ${phase.name}: ${[parts.length === 0 ? "" : `will ${parts.join(", ")}`, ...then].filter((part) => part !== "").join("; ")}`;
}

function listOf(files: readonly ManagedFile[], sizeOf: (source: string) => number | undefined): string {
  const sized = files.map((file) => ({ name: basename(file.path), size: fileSize(file, sizeOf) }));
  const total = sized.reduce<number | undefined>(
    (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
    0,
  );
  const names = sized
    .slice(0, named)
    .map(({ name, size }) => (size === undefined ? name : `${name} (${formatSize(size)})`));
  const more = sized.length > named ? [`${sized.length - named} more`] : [];
  const count =
    sized.length > 1 ? `${sized.length} files${total === undefined ? "" : ` (${formatSize(total)})`}: ` : "";
  return `${count}${[...names, ...more].join(", ")}`;
}

function fileSize(file: ManagedFile, sizeOf: (source: string) => number | undefined): number | undefined {
  return "content" in file ? Buffer.byteLength(file.content) : sizeOf(file.source);
}
