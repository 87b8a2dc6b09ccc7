import { isDeepStrictEqual } from "node:util";
import type { PropertyMap } from "../property-values.ts";
import { reveal } from "../property-values.ts";

export interface Changes {
  /** Properties whose values differ. */
  changed: string[];
  /** Those among them that need a new resource. */
  replacing: string[];
}

/**
 * Compares old inputs with new ones. Only a changed trigger replaces; whether a value is secret is no difference; a value
 * that is not known yet is one.
 */
export function findChanges(olds: PropertyMap, news: PropertyMap): Changes {
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (name) => !isDeepStrictEqual(reveal(olds[name] ?? null), reveal(news[name] ?? null)),
  );
  return { changed, replacing: changed.filter((name) => name === "triggers") };
}
