import { isDeepStrictEqual } from "node:util";
import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { ask } from "../ask.ts";
import { mediumOf, type Disk } from "./disk.ts";
import type { PreparedCard } from "./prepare-cards.ts";
import { Progress } from "./progress.ts";
import { isOf, refusals, throwRefusals, type RefusalOptions, type Wanted } from "./refusals.ts";
import type { Surroundings } from "./surroundings.ts";
import { absentDevice, findDisk, isSameCard, readCard, type Target } from "./target.ts";
import { describeContent, describeDisk, gigabytes, timeSpan } from "./words.ts";

export interface FlashOptions {
  readonly replace: boolean;
  readonly sizeOk: boolean;
  /** Ask nothing. */
  readonly yes: boolean;
}

/** The card's place and the circumstances of writing it. */
export interface FlashJob extends PreparedCard {
  readonly options: FlashOptions;
  readonly signal: AbortSignal;
}

/**
 * Writes a node's card to a disk or file, unless it is there already.
 * @returns whether it was written
 * @throws UserError with every reason against it; nothing was written then
 */
export async function flashCard(job: FlashJob, target: Target, surroundings: Surroundings): Promise<boolean> {
  if (target.kind === "absent device") throw absentDevice(target.to);
  return target.kind === "file"
    ? flashFile(job, target, surroundings)
    : flashDevice(job, target.path, target.to, surroundings);
}

/** @param path the kernel's path of the device that `to` names */
export async function flashDevice(
  job: FlashJob,
  path: string,
  to: string,
  surroundings: Surroundings,
): Promise<boolean> {
  const { stamp } = job.content;
  const disk = await examine(path, to, surroundings);
  if (isSameCard(disk.disk.stamp, stamp)) return sayWritten(stamp, to, surroundings);
  throwRefusals(refusals(disk.disk, wantedBy(job), { ...job.options, ...disk.options }));
  const what = `${describeDisk(disk.disk)}; on it: ${describeContent(disk.disk)}; all of it will be lost`;
  await confirm(job, to, what, surroundings);

  // Somebody may have changed the card, or mounted it, while the question stood. From here on the writer's claim keeps others off.
  const now = await examine(path, to, surroundings);
  if (mediumOf(now.disk) !== mediumOf(disk.disk) || !isDeepStrictEqual(now.disk.stamp, disk.disk.stamp))
    throw new UserError({ what: "is not the card any more that was asked about", where: to, next: "run it again" });
  throwRefusals(refusals(now.disk, wantedBy(job), { ...job.options, ...now.options }));
  await write(job, path, to, surroundings);
  return true;
}

async function flashFile(
  job: FlashJob,
  { to, exists }: { readonly to: string; readonly exists: boolean },
  surroundings: Surroundings,
): Promise<boolean> {
  const { stamp } = job.content;
  const found = exists ? await surroundings.readStamp(to) : undefined;
  if (isSameCard(found, stamp)) return sayWritten(stamp, to, surroundings);
  const isOurs = found !== undefined && isOf(found, stamp);
  if (exists && !isOurs && !job.options.replace)
    throw new UserError({
      what:
        found === undefined
          ? "is there already, and is no card of Bramble's"
          : `is the card of ${found.node} in site ${found.site} (generation ${found.generation})`,
      where: to,
      next: "name another file, or add --replace to write over this one",
    });
  await confirm(job, to, exists ? "a file, which is replaced" : "a new file", surroundings);
  await write(job, to, to, surroundings);
  return true;
}

/** The disk as it is now, with what is on it. */
async function examine(
  path: string,
  to: string,
  surroundings: Surroundings,
): Promise<{ disk: Disk; options: Pick<RefusalOptions, "to" | "systemKnown"> }> {
  const disks = await surroundings.readDisks();
  const disk = findDisk(disks, path);
  if (disk === undefined) throw absentDevice(to);
  return { disk: await readCard(disk, surroundings), options: { to, systemKnown: disks.systemKnown } };
}

async function confirm(job: FlashJob, to: string, what: string, { terminal }: Surroundings): Promise<void> {
  if (job.options.yes) return;
  const { node } = job.content.stamp;
  if (terminal.input.isTTY !== true)
    throw new UserError({
      what: `writing the card of ${node} has to be confirmed, and there is no terminal to ask on`,
      where: to,
      next: "run it on a terminal, or add --yes",
    });
  const question = `${to}\n  ${what}\nType ${node} to write the card of ${node}: `;
  const answer = await ask(terminal, question, job.signal);
  if (answer !== node)
    throw new UserError({
      what: "not confirmed, so nothing was written",
      where: to,
      next: `run it again, and type ${node} when asked`,
    });
}

async function write(job: FlashJob, path: string, to: string, surroundings: Surroundings): Promise<void> {
  const { image, content, signal } = job;
  const { stamp } = content;
  const { output } = surroundings.terminal;
  const progress = new Progress(output);
  const started = performance.now();
  output.write(`${stamp.node}: writing its card to ${to}\n`);
  try {
    await surroundings.writeCard({
      image,
      content,
      to: path,
      signal,
      progress: (step, done, total) => {
        progress.show(step === "write" ? "writing" : "reading back", done, total);
      },
    });
  } finally {
    progress.clear();
  }
  const seconds = (performance.now() - started) / 1000;
  output.write(
    `${stamp.node}: card written and read back: ${describeStamp(stamp)}, ${gigabytes(image.size)} in ${timeSpan(seconds)}\n`,
  );
  try {
    await surroundings.recordWrittenCard(stamp);
  } catch (error) {
    // The card is whole all the same; the note only tells `up` how long ago that was.
    output.write(
      `  That it was written now could not be noted: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}

function sayWritten(stamp: Stamp, to: string, { terminal }: Surroundings): false {
  terminal.output.write(`${stamp.node}: its card is written already (${describeStamp(stamp)}), nothing to do: ${to}\n`);
  return false;
}

export function describeStamp({ generation, digest }: Stamp): string {
  return `generation ${generation}, digest ${digest.slice(0, 8)}`;
}

export function wantedBy({ content, image }: PreparedCard): Wanted {
  return { site: content.stamp.site, node: content.stamp.node, bytes: image.size };
}
