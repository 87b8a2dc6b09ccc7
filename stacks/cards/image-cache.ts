import { join } from "node:path";
import { cacheDirectory } from "../cache-directory.ts";

/** Where downloaded base images lie, and what is known of images. */
export function imageCache(): string {
  return join(cacheDirectory(), "images");
}
