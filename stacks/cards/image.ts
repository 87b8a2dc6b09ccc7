import { resolve } from "node:path";
import type { BaseImage } from "../config/site.ts";
import { setAside } from "../download.ts";
import { root } from "../root.ts";
import { UserError } from "../user-error.ts";
import { digestOfFile } from "./image-digest.ts";
import { fetchImage } from "./image-download.ts";
import { inspectImage } from "./image-inspection.ts";
import { fingerprintOf, recallImage, rememberImage } from "./image-memory.ts";
import type { System } from "./system.ts";

/** A base image on this machine whose digest is the configuration's. */
export interface LocalImage {
  /** As published: perhaps compressed. */
  readonly path: string;
  /** Of the file as published. */
  readonly sha256: string;
  /** Bytes of the whole disk image, decompressed. */
  readonly size: number;
  readonly system: System;
}

export interface ImageOptions {
  /** Bytes done and to do, where that is known. Begins anew for each pass: downloading, hashing, looking into the image. */
  readonly progress?: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/**
 * Provides a base image: fetched into the cache where it has a URL, its digest compared, and looked into. What was found is
 * remembered, and the next call reads the file again only if it has changed.
 * @throws UserError when it can't be had or read, has another digest, or is of a system that Bramble doesn't know
 */
export async function provideImage(image: BaseImage, options: ImageOptions = {}): Promise<LocalImage> {
  const { file, url, sha256 } = image;
  if (url === undefined) return await checkImage(resolve(root, file ?? ""), sha256, options);
  const path = await fetchImage(url, sha256, options);
  try {
    return await checkImage(path, sha256, options);
  } catch (error) {
    if (!(error instanceof OtherDigest)) throw error;
    // It was right when it was fetched: the cache is damaged.
    await setAside(path);
    return await checkImage(await fetchImage(url, sha256, options), sha256, options);
  }
}

async function checkImage(path: string, sha256: string, options: ImageOptions): Promise<LocalImage> {
  const known = await recallImage(path);
  if (known?.sha256 === sha256) return known;
  const fingerprint = await fingerprintOf(path);
  const found = known?.sha256 ?? (await digestOfFile(path, options));
  if (found !== sha256) throw new OtherDigest(path, sha256, found);
  const image = { path, sha256, ...(await inspectImage(path, options)) };
  await rememberImage(image, fingerprint);
  return image;
}

/** Deletes nothing: the file may be the right one, and the configuration wrong. */
class OtherDigest extends UserError {
  constructor(path: string, expected: string, found: string) {
    super({
      what: `has another digest than the config says\n  expected sha256 ${expected}\n  found    sha256 ${found}`,
      where: path,
      next: "download the image again, or, if this image is meant, set image.sha256 to the digest found",
    });
  }
}
