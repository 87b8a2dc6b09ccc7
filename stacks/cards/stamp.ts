import { z } from "zod";
import { label, sha256 } from "../config/fields.ts";
import { nodeOf, type Site } from "../config/site.ts";
import { systems } from "./system.ts";

/** Where the stamp lies on the boot partition. */
export const stampPath = "bramble.json";

const stampSchema = z.strictObject({
  site: label,
  node: label,
  generation: z.int().min(1),
  system: z.enum(systems),
  digest: sha256.describe("over the base image and all that the card has beyond it"),
  parts: z
    .record(z.string().regex(/^[a-z][a-z -]*$/), z.string().regex(/^[0-9a-f]{12}$/))
    .describe("short digests of what the card was made from, by the name of the part"),
});

/** What a card says of itself: whose it is, and what it was made from. Nothing in it is secret, nor can a secret be guessed with it. */
export type Stamp = Readonly<z.infer<typeof stampSchema>>;

/** Which card it is. A running node needs another one only when this differs. */
export type CardName = Pick<Stamp, "site" | "node" | "generation">;

/** The card that a node must run. */
export function cardOf(site: Site, node: string): CardName {
  return { site: site.name, node, generation: nodeOf(site, node).generation };
}

export function formatStamp(stamp: Stamp): string {
  return `${JSON.stringify(stampSchema.parse(stamp), null, 2)}\n`;
}

/** The stamp in this text, or undefined where it is none. */
export function parseStamp(text: string): Stamp | undefined {
  try {
    return asStamp(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The stamp that this value is, or undefined where it is none. */
export function asStamp(value: unknown): Stamp | undefined {
  return stampSchema.safeParse(value).data;
}
