import { createHash, X509Certificate } from "node:crypto";

/** What nodes/probe.py reports as `clusterAuthority` of a node in this authority's cluster: SHA-256 in hex of the DER. */
export function authorityDigest(certificate: string): string {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
}
