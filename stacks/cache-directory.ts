import { homedir } from "node:os";
import { join } from "node:path";

/** Where everything that is fetched or built once and kept lies: below the user's cache directory, shared by all clones. */
export function cacheDirectory(): string {
  // The XDG base directory specification: a relative path is invalid and to be ignored.
  const configured = process.env.XDG_CACHE_HOME;
  const base = configured?.startsWith("/") === true ? configured : join(homedir(), ".cache");
  return join(base, "bramble");
}
