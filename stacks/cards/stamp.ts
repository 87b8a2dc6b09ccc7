import { createHash } from "node:crypto";
import { z } from "zod";
import { label, sha256 } from "../config/fields.ts";
import { nodeOf, type Site } from "../config/site.ts";
import type { Seed } from "./seed.ts";

/** Where the stamp lies on the boot partition. */
export const stampPath = "bramble.json";

const stampSchema = z.strictObject({
  site: label,
  node: label,
  generation: z.int().min(1),
  digest: sha256.describe("over the base image and the seed"),
});

/** What a card says of itself: whose it is, and what it was made from. Nothing in it is secret. */
export type Stamp = Readonly<z.infer<typeof stampSchema>>;

export function stampOf(site: Site, node: string, seed: Seed): Stamp {
  const digest = createHash("sha256").update(`${site.image.sha256}\n${seed.digest}\n`).digest("hex");
  return { site: site.name, node, generation: nodeOf(site, node).generation, digest };
}

export function formatStamp(stamp: Stamp): string {
  return `${JSON.stringify(stampSchema.parse(stamp), null, 2)}\n`;
}

/** The stamp in this text, or undefined where it is none. */
export function parseStamp(text: string): Stamp | undefined {
  try {
    return stampSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
