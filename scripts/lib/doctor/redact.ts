import type { Finding } from "./finding.ts";

/** What of a site's is secret whatever it stands in: K3s's K10 form of a token, private keys. */
const secretForms = [/K10[0-9a-f]*::\S+/g, /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*-----|$)/g];

/**
 * Findings in which no secret stands. Journals and error messages are of others' making, and nobody knows what they may hold.
 * @param secrets the site's own, in clear
 */
export function withoutSecrets(findings: readonly Finding[], secrets: readonly string[]): Finding[] {
  const clean = (text: string) =>
    [...secretForms, ...secrets.filter((secret) => secret !== "")].reduce<string>(
      (left, secret) => left.replaceAll(secret, "…"),
      text,
    );
  return findings.map(({ severity, where, what, next }) => ({ severity, where, what: clean(what), next: clean(next) }));
}
