import type { Site } from "../../../stacks/config/site.ts";
import type { BackupManifest } from "./manifest.ts";

/** Why something cannot be restored, and what to do. */
export interface Refusal {
  readonly what: string;
  readonly next: string;
}

/**
 * What keeps a backup from being restored to a site as it is configured.
 * @param authority what the site's keys say in a manifest's place
 */
export function configurationRefusals(
  manifest: BackupManifest,
  { stack, site, authority }: { stack: string; site: Site; authority: string },
): Refusal[] {
  if (manifest.site !== site.name)
    return [{ what: `it is a backup of site ${manifest.site}, not of ${site.name}`, next: "name the right backup" }];
  const refusals: Refusal[] = [];
  if (manifest.clusterAuthority !== authority)
    refusals.push({
      what: "it was made with another root secret, so the nodes' keys would not fit",
      next: `put the bramble:rootSecret of that time back into Pulumi.${stack}.yaml`,
    });
  if (manifest.tokenGeneration !== site.k3s.tokenGeneration)
    refusals.push({
      what: `it needs the token of generation ${manifest.tokenGeneration}; the configuration says ${site.k3s.tokenGeneration}`,
      next: `set k3s.tokenGeneration to ${manifest.tokenGeneration}, restore, and raise it afterwards`,
    });
  if (minorLine(manifest.k3sVersion) !== minorLine(site.k3s.version))
    refusals.push({
      what: `it was made by K3s ${manifest.k3sVersion}; the configuration says ${site.k3s.version}, another minor version`,
      next: `set k3s.version to ${manifest.k3sVersion} (with its artefacts), restore, and upgrade afterwards`,
    });
  return refusals;
}

/** What a look at one of the site's servers came to. */
export interface ServerState {
  readonly node: string;
  /**
   * empty: no data of a cluster; data: K3s has some; disk: its data disk holds some; no-disk: its data disk is not plugged in; or why
   * nobody knows.
   */
  readonly state: "empty" | "data" | "disk" | "no-disk" | { readonly silent: string };
}

/** Founding a cluster beside servers that hold another one would split it: the same rule as when `up` founds one. */
export function serverRefusals(stack: string, servers: readonly ServerState[]): Refusal[] {
  return servers.flatMap(({ node, state }): Refusal[] => {
    if (state === "empty") return [];
    if (state === "data")
      return [
        {
          what: `${node} holds data of a cluster; this is for a site whose servers were all lost`,
          next: `npm run up -- ${stack} brings back what is there; to go back to this backup all the same, write the cards of all servers first (nodes.${node}.generation + 1, npm run flash -- ${stack} ${node})`,
        },
      ];
    if (state === "disk")
      return [
        {
          what: `the data disk of ${node} holds data of a cluster; this is for a site whose servers were all lost`,
          next: `npm run up -- ${stack} brings back what is there; to go back to this backup all the same, wipe the disk on ${node} (wipefs --all)`,
        },
      ];
    if (state === "no-disk")
      return [
        {
          what: `whether ${node} holds data is not known: its data disk is not plugged in`,
          next: `plug it in, or correct nodes.${node}.dataDisk.device`,
        },
      ];
    return [
      {
        what: `whether ${node} holds data is not known: ${state.silent}`,
        next: `power ${node} on with a new card, or take it out of the configuration until it is back`,
      },
    ];
  });
}

function minorLine(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
