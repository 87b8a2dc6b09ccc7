import { cardContent, type CardContent } from "../../../stacks/cards/card-content.ts";
import type { LocalImage } from "../../../stacks/cards/image.ts";
import { useBundledImage } from "../../../stacks/config/bundle-check.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { Progress } from "./progress.ts";
import type { SiteStack } from "../site-stack.ts";
import type { Surroundings } from "./surroundings.ts";

/** All that a node's card is made of. */
export interface PreparedCard {
  readonly image: LocalImage;
  readonly content: CardContent;
}

/** Fetches the site's base image, once, and renders the cards of these nodes, before anything is asked or written. */
export async function prepareCards(
  { site, rootSecret, wifiPassword }: SiteStack,
  nodes: readonly string[],
  { provideImage }: Pick<Surroundings, "provideImage">,
  progress: Progress,
  signal: AbortSignal,
): Promise<PreparedCard[]> {
  const keys = deriveSiteKeys(rootSecret, site);
  const image = await provideImage(await useBundledImage(site), {
    signal,
    progress: (done, total) => {
      progress.show("base image", done, total);
    },
  });
  progress.clear();
  return nodes.map((node) => ({
    image,
    content: cardContent({ site, node, keys, system: image.system, wifiPassword }),
  }));
}
