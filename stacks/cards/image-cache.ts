import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloaded base images lie, and what is known of images: in the user's cache directory, shared by all clones. */
export function imageCache(): string {
  // The XDG base directory specification: a relative path is invalid and to be ignored.
  const configured = process.env.XDG_CACHE_HOME;
  const base = configured?.startsWith("/") === true ? configured : join(homedir(), ".cache");
  return join(base, "bramble", "images");
}
