import type { SiteNode } from "../config/site.ts";

/** Taints by key, as `value:Effect`; without a value `:Effect`. */
function taintTexts(taints: SiteNode["taints"]): [key: string, text: string][] {
  return Object.entries(taints).map(([key, taint]) => [
    key,
    typeof taint === "string" ? `:${taint}` : `${taint.value}:${taint.effect}`,
  ]);
}

/** Taints as kubectl and K3s write them, sorted: `key=value:Effect`, or `key:Effect` without a value. */
export function renderTaints(taints: SiteNode["taints"]): string[] {
  return taintTexts(taints)
    .map(([key, text]) => `${key}${text.startsWith(":") ? "" : "="}${text}`)
    .sort();
}

/** Labels and taints in one, as phases manage them (remote/labels.py): a taint's key has "taint " before it. */
export function labelsAndTaints({ labels, taints }: Pick<SiteNode, "labels" | "taints">): Record<string, string> {
  return { ...labels, ...Object.fromEntries(taintTexts(taints).map(([key, text]) => [`taint ${key}`, text])) };
}
