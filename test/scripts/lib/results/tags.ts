/** A document's tags in their order, with their attributes' names: what must not depend on the texts in it. */
export function tagsOf(markup: string): string[] {
  return [...markup.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/="[^"]*"/g, ""));
}
