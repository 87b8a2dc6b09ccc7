import { constants } from "node:fs";
import { mkdir, open, readFile, realpath, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { UserError } from "../user-error.ts";
import { run } from "./command.ts";
import { makeWorkplace } from "./workplace.ts";

/**
 * What a card is written to: a block device, or a new file that takes its name only when it is kept. Only its owner can
 * read that file, since a card holds the node's host key.
 */
export class CardTarget {
  /** Where its bytes are now: the device, or a file beside the one that it will be. */
  readonly path: string;
  /** A folder that only this user can enter and that goes at the end. */
  readonly workplace: string;
  /** Whether what isn't written reads as zeros. */
  readonly blank: boolean;
  readonly #wanted: string;
  readonly #file: FileHandle;

  private constructor(parts: { path: string; workplace: string; wanted: string; file: FileHandle; blank: boolean }) {
    this.path = parts.path;
    this.workplace = parts.workplace;
    this.blank = parts.blank;
    this.#wanted = parts.wanted;
    this.#file = parts.file;
  }

  /**
   * @param to a block device, or a path for a file, which is replaced if there is one
   * @param size bytes that it must hold
   * @throws UserError when it can't be written to, is in use or too small
   */
  static async open(to: string, size: number): Promise<CardTarget> {
    const wanted = await existing(to);
    const kind = wanted === undefined ? undefined : await stat(wanted);
    if (wanted !== undefined && kind?.isBlockDevice() === true) return await CardTarget.#openDevice(wanted, to, size);
    if (kind?.isFile() === false)
      throw new UserError({ what: "is neither a file nor a block device", where: to, next: "name one of the two" });
    // A file there would lie in memory, and take the name of the device when that comes back.
    if (kind === undefined && to.startsWith("/dev/") && !to.startsWith("/dev/shm/"))
      throw new UserError({
        what: "is not there",
        where: to,
        next: "put the card into its reader, and look at `lsblk`",
      });
    return await CardTarget.#openFile(wanted ?? to, to, size);
  }

  static async #openDevice(path: string, to: string, size: number): Promise<CardTarget> {
    // O_EXCL on a device: fails while it or a partition of it is mounted, and nothing can be mounted while it is held (open(2)).
    const file = await explained(to, () => open(path, constants.O_RDWR | constants.O_EXCL));
    try {
      const room = await diskSize(path);
      if (room < size)
        throw new UserError({
          what: `has ${room} bytes, and the base image needs ${size}`,
          where: to,
          next: "take a larger card",
        });
      const workplace = await makeWorkplace(join(tmpdir(), `bramble-${basename(path)}`));
      return new CardTarget({ path, workplace, wanted: path, file, blank: false });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  static async #openFile(wanted: string, to: string, size: number): Promise<CardTarget> {
    const workplace = await explained(to, async () => {
      await mkdir(dirname(wanted), { recursive: true });
      return await makeWorkplace(wanted);
    });
    const path = join(workplace, "card.img");
    try {
      const file = await explained(to, async () => {
        const created = await open(path, "wx+", 0o600);
        await created.truncate(size);
        return created;
      });
      return new CardTarget({ path, workplace, wanted, file, blank: true });
    } catch (error) {
      await rm(workplace, { recursive: true, force: true });
      throw error;
    }
  }

  async write(bytes: Buffer, position: number): Promise<void> {
    await explained(this.#wanted, async () => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    });
  }

  /** Reads what was written, from the disk as far as {@link CardTarget.forget} was called since. */
  async read(into: Buffer, position: number): Promise<void> {
    await explained(this.#wanted, async () => {
      for (let done = 0; done < into.length;) {
        const { bytesRead } = await this.#file.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) throw new Error(`${this.path} ends at ${position + done}`);
        done += bytesRead;
      }
    });
  }

  /** Waits until what was written is on the disk. */
  async flush(): Promise<void> {
    await explained(this.#wanted, () => this.#file.datasync());
  }

  /**
   * Flushes, and drops what the kernel keeps of it in memory, so that the next reading is one from the disk. By
   * posix_fadvise, which `dd` calls: it needs no root, as BLKFLSBUF does, and no aligned buffers, as O_DIRECT does, and is the same
   * for files and devices. What a card reader keeps in a memory of its own stays out of reach.
   */
  async forget(): Promise<void> {
    await this.flush();
    const flags = ["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]; // as in dd's manual
    const { code, stderr } = await run("dd", [`of=${this.path}`, ...flags]);
    if (code !== 0) throw new Error(`dropping the cache of ${this.path} failed: ${stderr}`);
  }

  /** Lets the file take its name, once all of it is on the disk. */
  async keep(): Promise<void> {
    await explained(this.#wanted, async () => {
      await this.#file.sync();
      if (this.path === this.#wanted) return;
      await rename(this.path, this.#wanted);
      const directory = await open(dirname(this.#wanted));
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }

  /** Lets go of it; what was not kept is removed. */
  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await rm(this.workplace, { recursive: true, force: true });
    }
  }
}

/** Bytes of a file or block device. */
export async function diskSize(path: string): Promise<number> {
  const status = await stat(path, { bigint: true });
  if (!status.isBlockDevice()) return Number(status.size);
  // Linux, include/linux/kdev_t.h, new_decode_dev; sectors of 512 bytes whatever the device's own are.
  const major = (status.rdev >> 8n) & 0xfffn;
  const minor = (status.rdev & 0xffn) | ((status.rdev >> 12n) & 0xfff00n);
  return Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, "utf8")) * 512;
}

/** The path without symbolic links, or undefined where nothing is there. */
async function existing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

const noRoom = { what: "has no room for a card", next: "free space on its disk, or write to another" };
const forbidden = {
  what: "may not be written by this user",
  next: "run this as root, or as a user whom it belongs to",
};

/** What the system's answers mean to a person who writes a card. */
const problems: Readonly<Record<string, { what: string; next: string }>> = {
  ENOSPC: noRoom,
  EDQUOT: noRoom,
  EFBIG: noRoom,
  EACCES: forbidden,
  EPERM: forbidden,
  EROFS: { what: "is read-only", next: "move the card's write-protection switch, or take another card" },
  EBUSY: {
    what: "is in use",
    next: "unmount all that is on it (`lsblk` lists it), and let no other program write to it",
  },
  EIO: {
    what: "failed to read or write",
    next: "take another card or reader; `dmesg` says what the kernel saw",
  },
  ENXIO: { what: "holds no card", next: "put a card into the reader" },
  ENOMEDIUM: { what: "holds no card", next: "put a card into the reader" },
};

async function explained<Value>(to: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    const problem = typeof code === "string" ? problems[code] : undefined;
    if (problem === undefined) throw error;
    throw new UserError({ what: `${problem.what} (${String(code)})`, where: to, next: problem.next }, { cause: error });
  }
}
