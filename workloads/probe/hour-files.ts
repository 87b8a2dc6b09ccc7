import {
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const synced = promisify(fdatasync);

/** "2026-03-01T14.ndjson": the hour of a Unix time in ms, in UTC. */
export function hourFile(at: number): string {
  return `${new Date(at).toISOString().slice(0, 13)}.ndjson`;
}

const ours = /^\d{4}-\d\d-\d\dT\d\d\.ndjson$/;

/** Which files have to go, the oldest first, so that all together stay within `limit` bytes. The newest always stays. */
export function excessOf(sizes: Readonly<Record<string, number>>, limit: number): string[] {
  const names = Object.keys(sizes)
    .filter((name) => ours.test(name))
    .sort();
  let total = names.reduce((sum, name) => sum + (sizes[name] ?? 0), 0);
  const excess: string[] = [];
  for (const name of names.slice(0, -1)) {
    if (total <= limit) break;
    total -= sizes[name] ?? 0;
    excess.push(name);
  }
  return excess;
}

/**
 * Lines in a file for each hour. Each lies in the kernel at once, and on the disk after a `sync`, which nothing waits
 * for: an SD card can take seconds, and the next sample is due. Lines are whole: what a full disk cuts off is taken away.
 */
export class HourFiles {
  readonly #directory: string;
  readonly #limit: number;
  #current: { readonly name: string; readonly descriptor: number; size: number } | null = null;
  /** Whether something was written that no sync has begun with. */
  #dirty = false;
  /** Ends once all that was asked of the disk is done: no file is closed before. Never rejects. */
  #disk: Promise<void> = Promise.resolve();
  #failure: unknown = null;

  /** @param limit bytes of all files together, exceeded by no more than an hour's */
  constructor(directory: string, limit: number) {
    this.#directory = directory;
    this.#limit = limit;
  }

  /** Adds a line, given without its end, to the file of its hour. @throws the file system's error; later lines may fare better */
  append(line: string, at: number): void {
    const file = this.#fileOf(hourFile(at));
    const bytes = Buffer.from(`${line}\n`);
    let written = 0;
    try {
      written = writeSync(file.descriptor, bytes);
      if (written < bytes.length) throw new Error(`no space left for ${file.name}`);
    } catch (error) {
      if (written > 0) ftruncateSync(file.descriptor, file.size);
      throw error;
    }
    file.size += bytes.length;
    this.#dirty = true;
    this.#throwFailure();
  }

  /** Begins to bring what was written to the disk. An error comes out of the next `append` or `close`. */
  sync(): void {
    if (this.#current === null || !this.#dirty) return;
    const { descriptor } = this.#current;
    this.#dirty = false;
    this.#afterDisk(() => synced(descriptor));
  }

  /** Returns once all lies on the disk. */
  async close(): Promise<void> {
    this.#closeCurrent();
    await this.#disk;
    this.#throwFailure();
  }

  #fileOf(name: string) {
    if (this.#current?.name === name) return this.#current;
    this.#closeCurrent();
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, name);
    const descriptor = openSync(path, "a+", 0o644);
    const file = { name, descriptor, size: fstatSync(descriptor).size };
    // What a power cut tore off. Lines are ASCII.
    const sound = file.size === 0 ? 0 : readFileSync(path).lastIndexOf("\n") + 1;
    if (sound < file.size) ftruncateSync(descriptor, sound);
    file.size = sound;
    this.#current = file;
    this.#deleteExcess();
    syncDirectory(this.#directory);
    return file;
  }

  #closeCurrent(): void {
    if (this.#current === null) return;
    this.sync();
    const { descriptor } = this.#current;
    this.#current = null;
    this.#afterDisk(() => {
      closeSync(descriptor);
    });
  }

  #afterDisk(work: () => Promise<void> | void): void {
    this.#disk = this.#disk.then(work).catch((error: unknown) => {
      this.#failure = error;
    });
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure as Error;
  }

  #deleteExcess(): void {
    const names = readdirSync(this.#directory).filter((name) => ours.test(name));
    const sizes = Object.fromEntries(names.map((name) => [name, statSync(join(this.#directory, name)).size]));
    for (const name of excessOf(sizes, this.#limit)) rmSync(join(this.#directory, name), { force: true });
  }
}

/** A new file's name lies on the disk only when its directory does. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  fsyncSync(handle);
  closeSync(handle);
}
