import { UserError } from "../../../stacks/user-error.ts";
import { mediumOf, type Disk, type Disks } from "./disk.ts";
import { describeStamp, flashDevice, wantedBy, type FlashJob } from "./flash-card.ts";
import { lastingRefusals, refusals, throwRefusals } from "./refusals.ts";
import type { Surroundings } from "./surroundings.ts";
import { findDisk, findTarget, isSameCard, readCard } from "./target.ts";

/** Milliseconds between two looks for a card. */
const lookEvery = 1000;

/** A disk that was looked at: it is looked at again when it holds another card, or something else about it changed. */
interface Looked {
  readonly medium: string;
  /** Undefined for a card that is done with. */
  readonly state: string | undefined;
}

/**
 * Writes the cards of all these nodes, one after the other: waits for each card to be inserted, and takes it only where nothing
 * speaks against it. Cards that are written already, as what is on them shows, are told and left alone.
 * @param to the device to wait at; without it, any disk that is newly inserted
 * @returns the nodes whose cards were written now
 * @throws the signal's reason when that is aborted
 */
export async function flashSite(
  jobs: readonly FlashJob[],
  to: string | undefined,
  surroundings: Surroundings,
): Promise<string[]> {
  const { output } = surroundings.terminal;
  const looked = new Map<string, Looked>();
  if (to === undefined)
    for (const disk of (await surroundings.readDisks()).disks)
      if (disk.device.bytes > 0) looked.set(disk.device.path, { medium: mediumOf(disk), state: undefined });
  const done = new Set<string>();
  const written: string[] = [];
  for (const job of jobs) {
    const { node } = job.content.stamp;
    if (done.has(node)) continue;
    output.write(
      `${node}: insert its card ${to === undefined ? "(one that is in a reader already: take it out first)" : `into ${to}`}\n`,
    );
    const before = await surroundings.findWrittenCard(job.content.stamp);
    if (before !== undefined)
      output.write(
        `  One was written here on ${before.written.toISOString().slice(0, 16).replace("T", " ")} UTC. To leave it where it is, write the others one by one.\n`,
      );
    for (; !done.has(node); await surroundings.pause(lookEvery, job.signal)) {
      job.signal.throwIfAborted();
      const found = await findInserted(to, looked, surroundings);
      if (found === undefined) continue;
      const { disk, name, systemKnown } = found;
      const medium = mediumOf(disk);
      const card = await readCard(disk, surroundings);
      const finished = jobs.find(({ content }) => isSameCard(card.stamp, content.stamp));
      if (finished !== undefined) {
        looked.set(disk.device.path, { medium, state: undefined });
        const { stamp } = finished.content;
        if (!done.has(stamp.node))
          output.write(`${stamp.node}: its card is written already (${describeStamp(stamp)}): take it out\n`);
        done.add(stamp.node);
        continue;
      }
      const reasons = refusals(card, wantedBy(job), { ...job.options, to: name, systemKnown });
      if (reasons.length > 0) {
        looked.set(disk.device.path, { medium, state: stateOf(disk) });
        for (const { message } of reasons) output.write(`${message}\n`);
        continue;
      }
      await flashDevice(job, disk.device.path, name, surroundings);
      looked.set(disk.device.path, { medium, state: undefined });
      done.add(node);
      written.push(node);
      output.write(`  Take it out and put it into ${node}.\n`);
    }
  }
  return written;
}

/** A disk with a medium that was not looked at as it is now; what is gone is forgotten. */
async function findInserted(
  to: string | undefined,
  looked: Map<string, Looked>,
  surroundings: Surroundings,
): Promise<{ disk: Disk; name: string; systemKnown: boolean } | undefined> {
  const disks = await surroundings.readDisks();
  const present = disks.disks.filter(({ device }) => device.bytes > 0);
  for (const path of looked.keys()) if (!present.some(({ device }) => device.path === path)) looked.delete(path);
  const found = (await inScope(to, disks)).find((disk) => {
    const last = looked.get(disk.device.path);
    return (
      disk.device.bytes > 0 && !(last?.medium === mediumOf(disk) && (last.state ?? stateOf(disk)) === stateOf(disk))
    );
  });
  if (found === undefined) return undefined;
  return { disk: found, name: to ?? found.names[0] ?? found.device.path, systemKnown: disks.systemKnown };
}

/** @throws UserError when the device that was named can never hold a card */
async function inScope(to: string | undefined, disks: Disks): Promise<Disk[]> {
  if (to === undefined) return disks.disks.filter(({ parent, names }) => parent === undefined && names.length > 0);
  const target = await findTarget(to, disks);
  if (target.kind === "absent device") return [];
  if (target.kind === "file")
    throw new UserError({
      what: "is a file, which can hold one card only",
      where: to,
      next: "write each node's card to a file of its own: npm run flash -- <stack> <node> --to <file>",
    });
  const disk = findDisk(disks, target.path);
  if (disk === undefined) return [];
  // What is mounted can be unmounted, and a card changed; what the device is stays.
  throwRefusals(lastingRefusals(disk, { to: target.to }));
  return [disk];
}

function stateOf({ device, permitted }: Disk): string {
  return JSON.stringify([device, permitted]);
}
