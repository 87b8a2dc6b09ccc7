import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { delimiter } from "node:path";
import { UserError } from "../user-error.ts";
import { bootRecordSize, isFat, parsePartitionTable, type Partition } from "./partition-table.ts";

/** The FAT partition of a disk image, which firmware and cloud-init read. It is edited by mtools: no root, no loop device. */
export interface BootPartition extends Partition {
  readonly image: string;
}

/** @throws UserError when the file is no disk image with a FAT partition */
export async function findBootPartition(image: string): Promise<BootPartition> {
  const file = await open(image);
  try {
    const record = Buffer.alloc(bootRecordSize);
    await file.read(record, 0, record.length, 0);
    const { size } = await file.stat();
    const partition = parsePartitionTable(record)?.find(isFat);
    if (partition === undefined || partition.offset + partition.size > size)
      throw new UserError({
        what: partition === undefined ? "has no FAT boot partition in its MBR" : "ends within its boot partition",
        where: image,
        next: "use a whole, uncompressed disk image for the Raspberry Pi",
      });
    return { ...partition, image };
  } finally {
    await file.close();
  }
}

/** A file's bytes, or undefined where there is none of this name. */
export async function readBootFile(partition: BootPartition, name: string): Promise<Buffer | undefined> {
  const { code, stdout, stderr } = await run("mtype", ["-i", drive(partition), `::${name}`]);
  if (code === 0) return stdout;
  if (stderr.includes("not found")) return undefined;
  throw failure(partition, `reading ${name}`, stderr);
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
  const { image, offset, size } = partition;
  const flags = ["iflag=skip_bytes,count_bytes", "bs=1M", "conv=sparse", "status=none"];
  const cut = await run("dd", [`if=${image}`, `of=${copy}`, `skip=${offset}`, `count=${size}`, ...flags]);
  if (cut.code !== 0) throw failure(partition, "copying it out", cut.stderr);
  const check = await run("fsck.vfat", ["-n", copy]);
  if (check.code !== 0) throw failure(partition, "checking it", `${check.stdout.toString()}${check.stderr}`);
}

function drive({ image, offset }: BootPartition): string {
  return `${image}@@${offset}`;
}

function failure({ image }: BootPartition, step: string, output: string): UserError {
  return new UserError({
    what: `${step} failed on the boot partition: ${output.trim()}`,
    where: image,
    next: "check that the disk has room and that the base image's boot partition is whole (fsck.vfat)",
  });
}

const packages: Readonly<Record<string, string>> = { mtype: "mtools", mcopy: "mtools", "fsck.vfat": "dosfstools" };

/** @throws UserError when the command isn't installed */
export async function run(
  command: string,
  args: readonly string[],
  stdin = "",
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const child = spawn(command, args, {
    env: {
      LC_ALL: "C",
      // fsck.vfat lies in sbin, which is not on everyone's PATH.
      PATH: [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
      // No settings of the user's, one time zone and one time: the bytes written depend on the content alone.
      MTOOLSRC: "/dev/null",
      TZ: "UTC",
      SOURCE_DATE_EPOCH: String(Date.UTC(2020, 0, 1) / 1000),
    },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that fails early closes its input: its exit code tells more than the broken pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  return await new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? missing(command) : error);
    });
    child.on("close", (code) => {
      resolve({ code: code ?? 1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

function missing(command: string): UserError {
  const name = packages[command] ?? "coreutils";
  return new UserError({
    what: `the command ${command} is missing`,
    next: `install it, on Debian with \`apt-get install ${name}\``,
  });
}
