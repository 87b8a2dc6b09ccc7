/** What tells cloud-init one card from another: it begins anew on a node when this changes, and only then. */
export function instanceIdOf(card: { site: string; node: string; generation: number }): string {
  return `${card.site}-${card.node}-${card.generation}`;
}
