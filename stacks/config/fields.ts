import { isIP, isIPv4, isIPv6 } from "node:net";
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

export const ipv6 = z.string().refine(isIPv6, "must be an IPv6 address such as fd00::11");

export const ipAddress = z.string().refine((text) => isIP(text) !== 0, "must be an IPv4 or IPv6 address");

/** A name or an address that can be dialled, without a port. */
export const host = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$/, "must be a host name or an IP address")
  .refine((text) => !text.includes(":") || isIPv6(text), "must be a host name or an IP address, without a port");

/**
 * A URL of an HTTP server, as it goes into files on nodes. Its form is checked first, since URL parsers drop line ends without a
 * word; and no password is in it, which would stand in the stack's file as well.
 */
export const httpUrl = z
  .string()
  .regex(/^https?:\/\/[A-Za-z0-9[][A-Za-z0-9.:/?&=%~_@[\]-]*$/, "must be a URL such as http://192.168.1.2:5000")
  .refine((text) => URL.canParse(text), "must be a URL such as http://192.168.1.2:5000")
  .refine((text) => !text.includes("@"), "must have no user and password, which would stand in files");

export const port = z.int().min(1).max(65535);

/** A Linux account that can log in. */
export const userName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name: lower-case letters, digits, dashes, underscores");

/** A public key as in authorized_keys and known_hosts, on one line. */
export const publicKey = z
  .string()
  .regex(
    /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+={0,3}( [!-~]([ -~]*[!-~])?)?$/,
    "must be a public key on one line, such as ssh-ed25519 AAAA... name",
  );

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
