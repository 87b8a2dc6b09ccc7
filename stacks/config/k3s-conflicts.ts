import { configKeyProblem, unknownLineProblem } from "../k3s/config-keys.ts";
import type { Conflict } from "./conflict.ts";
import type { LenientSite } from "./lenient-site.ts";

/** Settings of K3s that contradict one another, or have no effect by themselves. */
export function findK3sConflicts({ k3s }: LenientSite): Conflict[] {
  return [...findDiskConflicts(k3s), ...findRegistryConflicts(k3s), ...findExtraConflicts(k3s)];
}

/** Images must go before pods do: the kubelet collects them at one mark, and ends pods at another. */
function findDiskConflicts({ eviction, imageCollection }: LenientSite["k3s"]): Conflict[] {
  if (eviction === undefined || imageCollection === undefined) return [];
  const end = 100 - eviction.diskPercent;
  if (imageCollection.highPercent < end) return [];
  return [
    {
      path: ["k3s", "imageCollection", "highPercent"],
      message: `must be below ${end}: with less than ${eviction.diskPercent} % of the disk left (k3s.eviction.diskPercent), pods are ended before any image is collected`,
    },
  ];
}

function findRegistryConflicts({ registries, embeddedRegistry }: LenientSite["k3s"]): Conflict[] {
  const mirrors = Object.entries(registries?.mirrors ?? {});
  const conflicts: Conflict[] = [];
  // docs.k3s.io, Embedded Registry Mirror: only registries that registries.yaml names.
  if (embeddedRegistry === true && mirrors.length === 0)
    conflicts.push({
      path: ["k3s", "embeddedRegistry"],
      message:
        "shares images of the registries under k3s.registries.mirrors alone, and there are none; add them, for example docker.io: {}",
    });
  if (registries?.onlyMirrors === true && mirrors.length === 0)
    conflicts.push({
      path: ["k3s", "registries", "onlyMirrors"],
      message: "counts for registries that have mirrors, and there are none; add k3s.registries.mirrors",
    });
  for (const [host, { endpoints, rewrite }] of mirrors) {
    const path = ["k3s", "registries", "mirrors", host];
    if (endpoints.length > 0) continue;
    // docs.k3s.io, Private Registry Configuration, Rewrites: a registry's own endpoint is asked for the names as they are.
    if (Object.keys(rewrite).length > 0)
      conflicts.push({
        path: [...path, "rewrite"],
        message: "counts for endpoints alone, and there are none; add endpoints",
      });
    else if (embeddedRegistry === false)
      conflicts.push({ path, message: "has no effect; add endpoints, or set k3s.embeddedRegistry" });
  }
  return conflicts;
}

function findExtraConflicts({ extra, version }: LenientSite["k3s"]): Conflict[] {
  if (extra === undefined || version === undefined) return [];
  const given = (["all", "server", "agent"] as const).flatMap((group) =>
    Object.keys(extra[group]).map((key) => ({ group, key, path: ["k3s", "extra", group, key] })),
  );
  const unknown = unknownLineProblem(version);
  if (unknown !== undefined) return given.length === 0 ? [] : [{ path: ["k3s", "extra"], message: unknown }];
  return given.flatMap(({ group, key, path }) => {
    const problem = configKeyProblem(key, group === "all" ? undefined : group, version);
    if (problem !== undefined) return [{ path, message: problem }];
    const onAll = group === "all" || !Object.hasOwn(extra.all, key) ? undefined : extra.all[key];
    // Lists are added to one another.
    return onAll === undefined || Array.isArray(onAll)
      ? []
      : [{ path, message: `is set under k3s.extra.all too, to ${onAll}; one of them would not count` }];
  });
}
