import type { Site, SiteNode } from "../config/site.ts";

/** The site's node of this name. */
export function nodeOf(site: Site, name: string): SiteNode {
  const node = Object.hasOwn(site.nodes, name) ? site.nodes[name] : undefined;
  if (node === undefined) throw new Error(`there is no node ${name} in site ${site.name}`);
  return node;
}
