import fc from "fast-check";
import type { z } from "zod";
import { siteSchema, type Site } from "../../../stacks/config/site.ts";
import { findSiteConflicts } from "../../../stacks/config/site-conflicts.ts";
import { hostile } from "../cards/arbitrary-site.ts";

type SiteInput = z.input<typeof siteSchema>;

/** Words that YAML's versions read as something else than text. */
export const treacherous = fc.constantFrom(
  ...["no", "Yes", "on", "y", "null", "true", "1_000", "0x1f", "010", "1.30", "1e3", "0600", "2001-01-01", "-"],
);
/** What the configuration lets through of hostile strings. */
export const argument = fc.oneof(
  treacherous,
  hostile.filter((text) => /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text)),
);
const labelValue = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/),
  treacherous.filter((text) => text !== "-"),
  fc.constant(""),
);
const labelKey = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/),
  fc.stringMatching(/^[a-z]{1,5}\.[a-z]{2,3}\/[a-z]{1,8}$/),
  treacherous.filter((text) => text !== "-"),
);
const effect = fc.constantFrom("NoSchedule" as const, "PreferNoSchedule" as const, "NoExecute" as const);
const kept = fc.record({
  labels: fc.dictionary(labelKey, labelValue, { maxKeys: 4 }),
  taints: fc.dictionary(labelKey, fc.oneof(effect, fc.record({ value: labelValue, effect })), { maxKeys: 3 }),
});
const host = fc.constantFrom("*", "docker.io", "ghcr.io", "mirror.example.org:5000", "no", "192.168.7.2:5000");
const registries = fc.record({
  mirrors: fc.dictionary(
    host,
    fc.record({
      endpoints: fc.uniqueArray(fc.constantFrom("http://192.168.7.2:5000", "https://mirror.example.org/v2"), {
        minLength: 1,
      }),
      rewrite: fc.dictionary(argument, argument, { maxKeys: 2 }),
    }),
    { minKeys: 1, maxKeys: 3 },
  ),
  insecure: fc.uniqueArray(host),
  onlyMirrors: fc.boolean(),
});
const ingredients = fc.record({
  servers: fc.constantFrom(1, 3),
  kept: fc.array(kept, { minLength: 5, maxLength: 5 }),
  dual: fc.boolean(),
  apiAddress: fc.option(fc.constantFrom("k3s.example.org", "192.168.7.5"), { nil: undefined }),
  registries: fc.option(registries, { nil: undefined }),
  proxy: fc.option(
    fc.record({
      http: fc.constant("http://proxy:3128"),
      exclude: fc.uniqueArray(fc.constantFrom(".example.net", "203.0.113.0/24")),
    }),
    {
      nil: undefined,
    },
  ),
  components: fc.uniqueArray(fc.constantFrom("traefik" as const, "servicelb" as const, "local-storage" as const)),
  secretsEncryption: fc.boolean(),
  interface: fc.option(fc.constantFrom("eth0", "no", "on", "y"), { nil: undefined }),
  schedule: fc.constantFrom("0 */6 * * *", "*/5 * * * *", "@daily", "0 0 1 jan sun"),
  kubeletArguments: fc.array(argument, { maxLength: 3 }),
  pauseImage: argument,
  verbosity: fc.integer({ min: -5, max: 2 ** 31 }),
});

/** Sites that the configuration accepts, of all kinds that differ in what K3s is told. */
export const arbitraryCluster: fc.Arbitrary<Site> = ingredients.map((given) => {
  const names = ["pi-1", "pi-2", "pi-3", "pi-4", "pi-5"];
  const nodes = names.map((name, index) => [
    name,
    {
      role: index < given.servers ? ("server" as const) : ("agent" as const),
      address: `192.168.7.${11 + index}`,
      ...(given.dual && { address6: `fd00:7::${11 + index}` }),
      ...given.kept[index],
    },
  ]);
  const input: SiteInput = {
    name: "barn",
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: {
      prefix: 24,
      gateway: "192.168.7.1",
      ...(given.dual && { ipv6: { method: "static", prefix: 64, gateway: "fd00:7::1" } }),
    },
    nodes: Object.fromEntries(nodes) as SiteInput["nodes"],
    k3s: {
      version: "v1.34.2+k3s1",
      binary: { file: "images/k3s", sha256: "b".repeat(64) },
      ...(given.apiAddress !== undefined && { apiAddress: given.apiAddress }),
      ...(given.registries !== undefined && { registries: given.registries }),
      ...(given.proxy !== undefined && { proxy: given.proxy }),
      ...(given.interface !== undefined && { interface: given.interface }),
      ...(given.dual && {
        clusterCidr: ["10.42.0.0/16", "fd00:42::/56"],
        serviceCidr: ["10.43.0.0/16", "fd00:43::/112"],
      }),
      components: given.components,
      secretsEncryption: given.secretsEncryption,
      snapshots: { schedule: given.schedule },
      extra: {
        all: { "kubelet-arg": given.kubeletArguments, "pause-image": given.pauseImage },
        server: { v: given.verbosity, "tls-san": "k3s.example.net" },
      },
    },
  };
  const conflicts = findSiteConflicts(input);
  if (conflicts.length > 0) throw new Error(JSON.stringify(conflicts));
  return siteSchema.parse(input);
});
