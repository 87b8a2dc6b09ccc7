import { UserError } from "../user-error.ts";
import { startSize } from "./block.ts";
import { run } from "./command.ts";
import { isFat, parsePartitionTable, type Partition } from "./partition-table.ts";

/** The FAT partition of a disk, which firmware and cloud-init read. It is edited by mtools: no root, no loop device. */
export interface BootPartition extends Partition {
  /** Where the disk's bytes are: a file or a block device. */
  readonly disk: string;
  /** What the disk is called in errors. */
  readonly label: string;
}

/** The boot partition that a disk's first bytes tell of, or undefined where they tell of none within its size (bytes). */
export function findBootPartition(start: Buffer, size: number): Partition | undefined {
  const partition = parsePartitionTable(start)?.find(isFat);
  return partition === undefined || partition.offset + partition.size > size ? undefined : partition;
}

/**
 * The boot partition of a base image.
 * @throws UserError when there is none that a card can be made from
 */
export function bootPartitionOfImage(label: string, start: Buffer, size: number): Partition {
  const problem = (what: string) =>
    new UserError({
      what,
      where: label,
      next: "use a whole disk image for the Raspberry Pi: .img, or that compressed as .xz, .zst or .gz",
    });
  const partition = findBootPartition(start, Infinity);
  if (partition === undefined) throw problem("has no FAT boot partition in its MBR");
  if (partition.offset < startSize)
    throw problem(`has its boot partition at byte ${partition.offset}, and the first ${startSize} are written apart`);
  if (partition.offset + partition.size > size) throw problem("ends within its boot partition");
  return partition;
}

/** The paths of all files, without directories. */
export async function listBootFiles(partition: BootPartition): Promise<string[]> {
  const { code, stdout, stderr } = await run("mdir", ["-/", "-b", "-i", drive(partition), "::"]);
  if (code !== 0) throw failure(partition, "listing the files", stderr);
  const lines = stdout.toString().split("\n");
  return lines.filter((line) => line !== "" && !line.endsWith("/")).map((line) => line.replace(/^::\//, ""));
}

/** A file's bytes, or undefined where there is none of this name. */
export async function readBootFile(partition: BootPartition, name: string): Promise<Buffer | undefined> {
  const { code, stdout, stderr } = await run("mtype", ["-i", drive(partition), `::${name}`]);
  if (code === 0) return stdout;
  if (stderr.includes("not found")) return undefined;
  throw failure(partition, `reading ${name}`, stderr);
}

/** A file's bytes, or undefined where there is none of this name, or the file system can't be read. */
export async function tryBootFile(partition: BootPartition, name: string): Promise<Buffer | undefined> {
  const { code, stdout } = await run("mtype", ["-i", drive(partition), `::${name}`]);
  return code === 0 ? stdout : undefined;
}

/** Writes or replaces a file. Its time is fixed, so that equal contents give an equal card. */
export async function writeBootFile(partition: BootPartition, name: string, content: string): Promise<void> {
  const { code, stderr } = await run("mcopy", ["-o", "-i", drive(partition), "-", `::${name}`], content);
  if (code !== 0) throw failure(partition, `writing ${name}`, stderr);
}

/**
 * Checks the file system without changing it.
 * @param copy a path to lay a copy of the partition at, since fsck.vfat takes no offset
 */
export async function checkBootPartition(partition: BootPartition, copy: string): Promise<void> {
  const { disk, offset, size } = partition;
  const flags = ["iflag=skip_bytes,count_bytes", "bs=1M", "conv=sparse", "status=none"];
  const cut = await run("dd", [`if=${disk}`, `of=${copy}`, `skip=${offset}`, `count=${size}`, ...flags]);
  if (cut.code !== 0) throw failure(partition, "copying it out", cut.stderr);
  const check = await run("fsck.vfat", ["-n", copy]);
  if (check.code !== 0) throw failure(partition, "checking it", `${check.stdout.toString()}${check.stderr}`);
}

function drive({ disk, offset }: BootPartition): string {
  return `${disk}@@${offset}`;
}

function failure({ label }: BootPartition, step: string, output: string): UserError {
  return new UserError({
    what: `${step} failed on the boot partition: ${output.trim()}`,
    where: label,
    next: "check that the disk has room and that the base image's boot partition is whole (fsck.vfat)",
  });
}
