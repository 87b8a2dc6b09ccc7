import { z } from "zod";

/** A user's own cloud-config for first boot. Frozen, like all of a seed, with the generation of the card. */
export const cloudInitSnippet = z.record(z.string(), z.json());
export type CloudInitSnippet = z.infer<typeof cloudInitSnippet>;
