import { open } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import {
  bootPartitionOfImage,
  checkBootPartition,
  findBootPartition,
  readBootFile,
  tryBootFile,
  writeBootFile,
  type BootPartition,
} from "./boot-partition.ts";
import { startSize } from "./block.ts";
import type { CardContent } from "./card-content.ts";
import { CardTarget, diskSize } from "./card-target.ts";
import { compareImage, copyImage, otherBytes } from "./image-copy.ts";
import { fill, openImage, type ImageReader } from "./image-reader.ts";
import type { LocalImage } from "./image.ts";
import { bootRecordSize } from "./partition-table.ts";
import { formatStamp, parseStamp, stampPath, type Stamp } from "./stamp.ts";

interface WantedCard {
  readonly image: LocalImage;
  readonly content: CardContent;
  /** A block device, or a path for a card file, which is replaced if there is one. */
  readonly to: string;
  /** Told how many bytes of how many are written, then verified. */
  readonly progress?: (step: "write" | "verify", done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes a card: the base image with a node's files, edits and stamp on its boot partition, all of it read back from the disk.
 * The same image and content give the same bytes. The partition table goes first and comes back last, so a card whose
 * writing was cut off is none: it has no partitions and no stamp. A card file takes its name only at the end.
 * @throws UserError when a tool is missing, the target is in use, too small or full, or it reads back other bytes
 */
export async function writeCard(card: WantedCard): Promise<void> {
  const { image, signal } = card;
  const reader = await openImage(image.path);
  try {
    const start = await readStart(reader, image);
    const partition = bootPartitionOfImage(image.path, start, image.size);
    signal?.throwIfAborted();
    const target = await CardTarget.open(card.to, image.size);
    try {
      await writeTo(target, reader, start, { ...partition, disk: target.path, label: card.to }, card);
      await target.keep();
    } finally {
      await target.close();
    }
  } finally {
    await reader.close();
  }
}

async function readStart(reader: ImageReader, { path, size }: LocalImage): Promise<Buffer> {
  const start = Buffer.alloc(Math.min(startSize, size));
  if ((await reader.read(start)) < start.length) throw changed(path);
  return start;
}

async function writeTo(
  target: CardTarget,
  reader: ImageReader,
  start: Buffer,
  boot: BootPartition,
  { image, content, to, progress, signal }: WantedCard,
): Promise<void> {
  const report = (step: "write" | "verify") => (done: number) => {
    signal?.throwIfAborted();
    progress?.(step, done, image.size);
  };
  await target.write(Buffer.alloc(start.length), 0);
  await target.flush();
  const copied = await copyImage(reader, target, report("write"));
  if (copied.size !== image.size) throw changed(image.path);
  await target.forget();
  await compareImage(copied, target, to, report("verify"));
  await writeContent(target, boot, content, image);
  signal?.throwIfAborted();
  await target.write(start, 0);
  await target.forget();
  const found = Buffer.alloc(start.length);
  await target.read(found, 0);
  if (found.equals(start)) return;
  await target.write(Buffer.alloc(start.length), 0);
  await target.flush();
  throw otherBytes(to, 0);
}

async function writeContent(
  target: CardTarget,
  boot: BootPartition,
  content: CardContent,
  image: LocalImage,
): Promise<void> {
  const files: [string, string][] = Object.entries(content.files);
  for (const [name, edit] of Object.entries(content.edits)) {
    const text = await readBootFile(boot, name);
    if (text === undefined)
      throw new UserError({
        what: `has no ${name} on its boot partition`,
        where: image.path,
        next: "use an image of a system that Bramble knows",
      });
    files.push([name, edit(text.toString())]);
  }
  const stamp = [stampPath, formatStamp(content.stamp)] as const;
  for (const [name, text] of files) await writeBootFile(boot, name, text);
  await checkBootPartition(boot, join(target.workplace, "boot.img"));
  await target.forget();
  for (const file of files) await readBack(boot, file);
  await writeBootFile(boot, ...stamp);
  await target.forget();
  await readBack(boot, stamp);
}

async function readBack(boot: BootPartition, [name, text]: readonly [string, string]): Promise<void> {
  if ((await readBootFile(boot, name))?.equals(Buffer.from(text)) !== true)
    throw new UserError({
      what: `${name} reads back differently from its boot partition`,
      where: boot.label,
      next: "write it again; if it happens again, the card or its reader is faulty",
    });
}

function changed(path: string): UserError {
  return new UserError({ what: "was changed while it was read", where: path, next: "run the command again" });
}

/**
 * The stamp of a card file or device, or undefined where there is no card or none that can be read has one of this form.
 * @throws UserError when the file or device can't be read
 */
export async function readStamp(card: string): Promise<Stamp | undefined> {
  const record = await readRecord(card);
  const partition = record === undefined ? undefined : findBootPartition(record, await diskSize(card));
  if (partition === undefined) return undefined;
  const text = await tryBootFile({ ...partition, disk: card, label: card }, stampPath);
  return text === undefined ? undefined : parseStamp(text.toString());
}

/** The first bytes of a file or device, or undefined where there is none. */
async function readRecord(card: string): Promise<Buffer | undefined> {
  try {
    const file = await open(card);
    try {
      const record = Buffer.alloc(bootRecordSize);
      return record.subarray(0, await fill(file, record, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new UserError(
      {
        what: `can't be read (${error instanceof Error ? error.message : String(error)})`,
        where: card,
        next: "name a card file or a card in its reader, and run this as a user who may read it",
      },
      { cause: error },
    );
  }
}
