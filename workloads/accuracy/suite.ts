import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Item } from "./item.ts";
import { InputError } from "../input-error.ts";
import { parseSuite } from "./layouts.ts";

/** The names of the suites here, sorted. */
export function suiteNames(directory: string = import.meta.dirname): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".jsonl"))
    .map((file) => basename(file, ".jsonl"))
    .sort();
}

/**
 * The items of a suite: one of those here by its name, or a JSONL file by its path, which ends in .jsonl.
 * @throws InputError where there is none, or a line is no item
 */
export function loadSuite(name: string, directory: string = import.meta.dirname): Item[] {
  const file = name.endsWith(".jsonl") ? name : join(directory, `${name}.jsonl`);
  if (!existsSync(file))
    throw new InputError({
      where: `suite ${name}`,
      what: "there is no such suite",
      next: `name one of ${suiteNames(directory).join(", ")}, or the path of a JSONL file`,
    });
  return parseSuite(readFileSync(file, "utf8"), name);
}

/**
 * So many of the items, fixed by the seed: of each kind as large a share as it has in the whole, to the next item, so that
 * a sample's score stands for the suite's. In the suite's order.
 */
export function sampleItems(items: readonly Item[], count: number, seed: number): Item[] {
  if (count >= items.length) return [...items];
  const rank = ({ id }: Item) => createHash("sha256").update(`bramble/sample/v1/${seed}/${id}`).digest("hex");
  const kinds = [...Map.groupBy(items, ({ kind }) => kind)].sort(([a], [b]) => (a < b ? -1 : 1));
  // An item's place in its kind, as a share of the kind: the smallest shares of all kinds together are the sample.
  const placed = kinds.flatMap(([kind, all]) =>
    all
      .map((item) => ({ item, rank: rank(item) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ item }, index) => ({ item, kind, share: (index + 0.5) / all.length })),
  );
  const chosen = new Set(
    placed
      .sort((a, b) => a.share - b.share || (a.kind < b.kind ? -1 : 1))
      .slice(0, count)
      .map(({ item }) => item),
  );
  return items.filter((item) => chosen.has(item));
}
