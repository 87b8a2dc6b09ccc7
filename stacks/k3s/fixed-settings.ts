import type { Site } from "../config/site.ts";
import type { K3sReport } from "../nodes/facts.ts";

/** Where the configuration asks for what was decided otherwise when the node's cluster was made, one line each. */
export function fixedSettingProblems({ k3s }: Site, { decided }: K3sReport): string[] {
  if (decided === null) return [];
  const settings = [
    ["secretsEncryption", decided.secretsEncryption, k3s.secretsEncryption],
    ["clusterCidr", decided.clusterCidr, k3s.clusterCidr.join(",")],
    ["serviceCidr", decided.serviceCidr, k3s.serviceCidr.join(",")],
  ] as const;
  return settings
    .filter(([, was, wanted]) => was !== null && was !== wanted)
    .map(
      ([name, was, wanted]) =>
        `k3s.${name} was decided when its cluster was made: it is ${String(was)}, and stays so; ${String(wanted)} takes a new cluster`,
    );
}
