import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { UserError } from "../user-error.ts";

/**
 * Reads a base image through and compares its SHA-256 digest, without holding it in memory.
 * @throws UserError when the file can't be read, or has another digest
 */
export async function checkImage(path: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  } catch (error) {
    throw new UserError(
      {
        what: `can't be read (${error instanceof Error ? error.message : String(error)})`,
        where: path,
        next: "put the base image there, or correct image.file in the site's config",
      },
      { cause: error },
    );
  }
  const found = hash.digest("hex");
  if (found !== sha256)
    throw new UserError({
      what: `has another digest than the config says\n  expected sha256 ${sha256}\n  found    sha256 ${found}`,
      where: path,
      next: "download the image again, or, if this image is meant, set image.sha256 to the digest found",
    });
}
