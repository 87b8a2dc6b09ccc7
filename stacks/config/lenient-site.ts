import { z } from "zod";
import { ipv4, ipv6, label } from "./fields.ts";
import { k3s, type K3sSettings } from "./k3s.ts";

const settings = k3s.shape;
const list = z.array(z.unknown());

/**
 * What the checks between values look at, where it has the right form; undefined, or left out, where it has not: the schema itself
 * reports that.
 */
const lenientSite = z.object({
  network: z
    .object({
      method: z.string().optional().catch(undefined),
      gateway: ipv4.optional().catch(undefined),
      prefix: z.number().min(0).max(32).optional().catch(undefined),
      ipv6: z
        .object({
          method: z.string().optional().catch(undefined),
          prefix: z.number().min(0).max(128).optional().catch(undefined),
          gateway: ipv6.optional().catch(undefined),
        })
        .optional()
        .catch(undefined),
      wifi: z.unknown().optional(),
    })
    .catch({}),
  nodes: z
    .record(
      z.string(),
      z
        .object({
          role: z.string().optional().catch(undefined),
          address: ipv4.optional().catch(undefined),
          address6: ipv6.optional().catch(undefined),
          wifi: z.boolean().optional().catch(undefined),
        })
        .catch({}),
    )
    .catch({}),
  images: z.array(z.object({ nodes: z.array(z.string()).optional().catch(undefined) }).catch({})).catch([]),
  experiments: list.catch([]).transform((names) => names.map((name) => label.safeParse(name).data)),
  k3s: z.record(z.string(), z.unknown()).catch({}).transform(readK3s),
});
export type LenientSite = z.output<typeof lenientSite>;

/** Settings of K3s that the checks look at. */
type Checked = Pick<
  K3sSettings,
  | "version"
  | "apiAddress"
  | "kubeVip"
  | "clusterCidr"
  | "serviceCidr"
  | "eviction"
  | "imageCollection"
  | "registries"
  | "embeddedRegistry"
  | "extra"
>;
export type LenientK3s = { readonly [Key in keyof Checked]: Checked[Key] | undefined };

/** @returns undefined where there is nothing to check */
export function readLeniently(value: unknown): LenientSite | undefined {
  return lenientSite.safeParse(value).data;
}

/** Each setting by itself, with its default where it is left out: one that is wrong leaves the others to be checked. */
function readK3s(given: Readonly<Record<string, unknown>>): LenientK3s {
  const read = <Schema extends z.ZodType>(schema: Schema, name: string) => schema.safeParse(given[name]).data;
  return {
    version: read(settings.version, "version"),
    apiAddress: read(settings.apiAddress, "apiAddress"),
    kubeVip: read(settings.kubeVip, "kubeVip"),
    clusterCidr: read(settings.clusterCidr, "clusterCidr"),
    serviceCidr: read(settings.serviceCidr, "serviceCidr"),
    eviction: read(settings.eviction, "eviction"),
    imageCollection: read(settings.imageCollection, "imageCollection"),
    registries: read(settings.registries, "registries"),
    embeddedRegistry: read(settings.embeddedRegistry, "embeddedRegistry"),
    extra: read(settings.extra, "extra"),
  };
}
