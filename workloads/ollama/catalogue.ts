import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const entrySchema = z
  .strictObject({
    parameters: z.number().positive(),
    active: z.number().positive().optional(),
    layers: z.int().min(1),
    keyValueHeads: z.int().min(1),
    headSize: z.int().min(1),
    window: z.int().min(1).optional(),
    globalEvery: z.int().min(2).optional(),
    context: z.int().min(1),
    quantization: z.string(),
    megabytes: z.number().positive(),
  })
  .refine(({ window, globalEvery }) => (window === undefined) === (globalEvery === undefined));

/** What is known of a model before it is pulled. */
export interface CatalogueEntry {
  readonly parameters: number;
  /** Parameters that one token uses. */
  readonly active: number;
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Tokens that most layers look back over; undefined where each looks back over all. */
  readonly window: number | undefined;
  /** Layers that look back over all tokens. */
  readonly globalLayers: number;
  /** The longest context that it was trained for, in tokens. */
  readonly context: number;
  readonly quantization: string;
  /** Bytes of weights. */
  readonly bytes: number;
}

/** The catalogue of a YAML text, by reference. */
export function parseCatalogue(yaml: string): Record<string, CatalogueEntry> {
  const entries = z.record(z.string(), entrySchema).parse(parse(yaml));
  return Object.fromEntries(
    Object.entries(entries).map(([reference, { megabytes, window, globalEvery, active, ...entry }]) => [
      reference,
      {
        ...entry,
        window,
        active: active ?? entry.parameters,
        globalLayers: globalEvery === undefined ? entry.layers : Math.floor(entry.layers / globalEvery),
        bytes: megabytes * 1e6,
      },
    ]),
  );
}

/** All models that are known here, by reference. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = parseCatalogue(
  readFileSync(join(import.meta.dirname, "catalogue.yaml"), "utf8"),
);
