import { cardContent } from "../../../stacks/cards/card-content.ts";
import type { LocalImage } from "../../../stacks/cards/image.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

const site = exampleSite();

/** What pi-2's card of the example site has beyond its image. */
export const exampleContent = cardContent({
  site,
  node: "pi-2",
  keys: deriveSiteKeys(exampleRootSecret, site),
  system: "raspberry-pi-os",
  wifiPassword: undefined,
});

/** An image as `provideImage` gives it. @param size bytes, decompressed */
export function localImage(path: string, size: number): LocalImage {
  return { path, sha256: "a".repeat(64), size, system: "raspberry-pi-os" };
}
