import { closeSync, openSync, readSync } from "node:fs";

/** All that is read here fits, or begins with what is wanted (/proc/stat). One is enough: reading is synchronous. */
const buffer = Buffer.alloc(4096);

/**
 * A file of /proc or /sys that is opened once and read anew from its beginning each time, which spares most of what a
 * reading costs. It may come and go: a driver that loads late, a pod that ends.
 */
export class KernelFile {
  readonly #find: () => string | undefined;
  #descriptor: number | null = null;

  /** @param find where it lies, if anywhere: asked at each look until it can be opened */
  constructor(find: () => string | undefined) {
    this.#find = find;
  }

  /** Opens it if it is not open and now can be. */
  look(): void {
    const path = this.#descriptor === null ? this.#find() : undefined;
    if (path === undefined) return;
    try {
      this.#descriptor = openSync(path, "r");
    } catch {
      this.#descriptor = null;
    }
  }

  /** At most 4 KiB of it; null where there is nothing to read, or a sensor has no answer. */
  read(): string | null {
    if (this.#descriptor === null) return null;
    try {
      return buffer.toString("latin1", 0, readSync(this.#descriptor, buffer, 0, buffer.length, 0));
    } catch (error) {
      // What it stood for is gone, and this descriptor will never read again. Other errors pass.
      if ((error as NodeJS.ErrnoException).code === "ENODEV") this.close();
      return null;
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}
