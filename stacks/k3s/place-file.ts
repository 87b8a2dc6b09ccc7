import { renderYaml } from "../cards/seed/yaml.ts";
import type { Place } from "./place.ts";

/** The token of a cluster's servers: the short form, which a founder takes, and the one that pins the cluster's authority. */
export interface PlaceTokens {
  readonly short: string;
  readonly pinned: string;
}

/**
 * Renders what a server's K3s has to know before it has data of the cluster, and must not be told afterwards: whether it founds
 * the cluster or whom it joins. What stands here counts before config.yaml, which names another server. Secret.
 */
export function renderPlace(place: Exclude<Place, { kind: "keeps" }>, tokens: PlaceTokens): string {
  if (place.kind === "joins") return renderYaml({ server: `https://${place.through}:6443`, token: tokens.pinned });
  // Embedded etcd from the first day: without it a single server is SQLite, which has no snapshots and cannot grow.
  return renderYaml({ "cluster-init": true, server: "", token: tokens.short });
}
