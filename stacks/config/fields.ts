import { isIPv4 } from "node:net";
import { z } from "zod";

/** A DNS label (RFC 1123), as Kubernetes and hostnames want it. */
export const label = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a DNS label: lower-case letters, digits and dashes, a letter first",
  );

/** A SHA-256 digest in hexadecimal, without prefix. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest: 64 lower-case hexadecimal digits");

/** A digest as container registries and Ollama write it. */
export const contentDigest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits");

export const ipv4 = z.string().refine(isIPv4, "must be an IPv4 address such as 192.168.1.11");

/** host:port of a server that every node can reach. */
export const endpoint = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[0-9]{1,5}$/, "must be host:port, for example 192.168.1.2:5000");

/** A file on the machine that runs Pulumi, by path (relative ones start at the project's root) and digest. */
export const artefact = z.strictObject({
  file: z
    .string()
    .min(1)
    .regex(/^[^\0\n]+$/, "must be a path on one line"),
  sha256,
});
export type Artefact = z.infer<typeof artefact>;

/** A container image's name as Kubernetes takes it. */
export const imageReference = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.:_/-]*[a-z0-9])?(:[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]{64})?$/,
    "must be a container image name",
  );
