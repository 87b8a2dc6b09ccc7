import { open } from "node:fs/promises";

/** Sees to it that a file, or the names in a directory, are on the disk. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
