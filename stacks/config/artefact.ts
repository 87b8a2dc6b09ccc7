import { z } from "zod";
import { UserError } from "../user-error.ts";
import { artefact, imageReference, label, sha256, type Artefact } from "./fields.ts";

const file = artefact.shape.file
  .optional()
  .describe("its path on this machine; relative ones start at the project's root");
const url = z
  .url({ protocol: /^https?$/, hostname: z.regexes.hostname })
  .optional()
  .describe("where `npm run bundle` fetches it from");

/** A file that a site needs, by path or by URL. */
export const artefactSource = z
  .strictObject({ file, url, sha256 })
  .refine((given) => (given.file === undefined) !== (given.url === undefined), "must have either file or url");
export type ArtefactSource = z.infer<typeof artefactSource>;

/** A container image's archive, by path or by URL, or the image itself, which `npm run bundle` makes an archive of. */
export const workloadImage = z
  .strictObject({
    file,
    url,
    image: imageReference
      .regex(/@sha256:[0-9a-f]{64}$/, "must end in the image's digest, @sha256:...")
      .optional()
      .describe("the image by digest, which `npm run bundle` fetches from its registry"),
    sha256: sha256.optional().describe("of the archive, where file or url is given"),
    gpu: z.boolean().default(false).describe("keep the libraries for graphics cards, which no board here has"),
    nodes: z.array(label).min(1).optional().describe("the nodes that it is laid down on; all without it"),
  })
  .refine(
    (given) => [given.file, given.url, given.image].filter((source) => source !== undefined).length === 1,
    "must have exactly one of file, url and image",
  )
  .refine(
    (given) => (given.image === undefined) === (given.sha256 !== undefined),
    "must have sha256 with file or url, and none with image, which names its digest",
  );
export type WorkloadImage = z.infer<typeof workloadImage>;

/**
 * An artefact's file on this machine.
 * @throws UserError where it is known by URL or image only: it has to be fetched first
 */
export function located(given: ArtefactSource | WorkloadImage): Artefact {
  if (given.file !== undefined && given.sha256 !== undefined) return { file: given.file, sha256: given.sha256 };
  throw new UserError({
    what: "is not on this machine yet",
    where: given.url ?? ("image" in given ? given.image : undefined) ?? "an artefact of the site",
    next: "fetch all that the site needs: npm run bundle -- <site>",
  });
}
