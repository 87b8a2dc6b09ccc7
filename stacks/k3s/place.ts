import { UserError } from "../user-error.ts";

/** What a look at a server showed of its part in a cluster. */
export interface SeenServer {
  readonly name: string;
  readonly address: string;
  /** Null where it did not answer. */
  readonly hasData: boolean | null;
  /** Whether its API answers. */
  readonly live: boolean;
}

/** How a node's K3s gets into the cluster when it starts. */
export type Place =
  | { readonly kind: "keeps" }
  | { readonly kind: "founds" }
  | { readonly kind: "restores" }
  | { readonly kind: "joins"; readonly through: string };

/** In the words of a report. */
export function describePlace(place: Place): string {
  if (place.kind === "joins") return `joined through ${place.through}`;
  const words = {
    keeps: "kept its place in the cluster",
    founds: "founded the cluster",
    restores: "founded the cluster from a snapshot",
  };
  return words[place.kind];
}

/**
 * Where a server's K3s belongs. Two clusters of one site must never come to be, so one is founded only where every other server
 * is known to hold nothing.
 * @param own the server; the others in the configuration's order, which begins with the founder
 * @param snapshot whether a snapshot was laid down to found the cluster from
 * @throws UserError naming who holds the cluster, or may hold it, and does not answer
 */
export function choosePlace(
  own: { readonly name: string; readonly hasData: boolean; readonly founder: boolean },
  others: readonly SeenServer[],
  snapshot: boolean,
): Place {
  const live = others.find((other) => other.live && other.hasData === true);
  // Beside a cluster that lives, a snapshot is one that somebody left behind.
  if (own.hasData && (!snapshot || live !== undefined)) return { kind: "keeps" };
  if (live !== undefined) return { kind: "joins", through: live.address };
  const refuse = (what: string, next: string) => new UserError({ what, where: own.name, next });
  const holders = others.filter(({ hasData }) => hasData === true).map(({ name }) => name);
  if (holders.length > 0)
    throw refuse(
      `has nothing of the cluster, which ${holders.join(" and ")} hold${holders.length === 1 ? "s" : ""}, and no API answers there`,
      `see why K3s does not run there: npm run doctor -- <site>; where the cluster is lost, npm run restore -- <site> <backup>`,
    );
  const silent = others.filter(({ hasData }) => hasData === null).map(({ name }) => name);
  if (silent.length > 0)
    throw refuse(
      `has nothing of the cluster, and ${silent.join(" and ")}, which may hold it, did not answer`,
      `bring ${silent.join(" and ")} back, or write new cards there, then run \`pulumi up\` again`,
    );
  if (!own.founder)
    throw refuse("cannot join: no server has a cluster yet", "bring the first server up, then run `pulumi up` again");
  return { kind: snapshot ? "restores" : "founds" };
}
