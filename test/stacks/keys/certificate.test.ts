import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { createAuthority, createClient, createKey, type CertifiedKey } from "../../../stacks/keys/certificate.ts";
import { testWithTools } from "../../with-tools.ts";

const entropy = (fill: number) => ({ secret: new Uint8Array(48).fill(fill), serial: new Uint8Array(16).fill(fill) });
const authority = createAuthority("k3s-client-ca@1577836800", entropy(1));
const other = createAuthority("k3s-client-ca@1577836800", entropy(2));
const year = { from: new Date("2026-01-01T00:00:00Z"), to: new Date("2027-01-02T00:00:00Z") };
const who = { commonName: "system:admin", organization: "system:masters" };
const client = createClient(who, entropy(3), authority, year);

function belongTogether({ certificate, key }: CertifiedKey): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

test("an authority signs itself and may sign others", (t) => {
  const certificate = new X509Certificate(authority.certificate);
  t.true(certificate.ca);
  t.is(certificate.subject, "CN=k3s-client-ca@1577836800");
  t.is(certificate.issuer, certificate.subject);
  t.true(certificate.verify(certificate.publicKey));
  t.is(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  t.true(belongTogether(authority));
  t.regex(authority.key, /^-----BEGIN EC PRIVATE KEY-----\n/);
});

test("a client's certificate holds group and user, and chains to its authority alone", (t) => {
  const certificate = new X509Certificate(client.certificate);
  t.false(certificate.ca);
  t.is(certificate.subject, "O=system:masters\nCN=system:admin");
  t.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]); // TLS client, and no server
  t.true(certificate.checkIssued(new X509Certificate(authority.certificate)));
  t.true(certificate.verify(new X509Certificate(authority.certificate).publicKey));
  // The same name, another key.
  t.false(certificate.checkIssued(new X509Certificate(other.certificate)));
  t.false(certificate.verify(new X509Certificate(other.certificate).publicKey));
  t.true(belongTogether(client));
});

test("an authority's validity is fixed, a client's is what was asked for", (t) => {
  const validity = ({ certificate }: CertifiedKey) => {
    const { validFromDate, validToDate } = new X509Certificate(certificate);
    return { from: validFromDate, to: validToDate };
  };
  t.deepEqual(validity(authority), { from: new Date("2020-01-01T00:00:00Z"), to: new Date("2049-12-31T23:59:59Z") });
  t.deepEqual(validity(client), year);
});

test("a user without a group has none in its certificate", (t) => {
  const alone = createClient({ commonName: "bramble:experiment:threads-1" }, entropy(4), authority, year);
  t.is(new X509Certificate(alone.certificate).subject, "CN=bramble:experiment:threads-1");
});

test("a key that signs without a certificate is the same each time, on P-256", (t) => {
  const key = createKey(entropy(5).secret);
  t.is(createKey(entropy(5).secret), key);
  t.not(createKey(entropy(6).secret), key);
  t.is(createPrivateKey(key).asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("any entropy gives a certificate that verifies, with a positive serial of 16 bytes, the same twice", (t) => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(48), bytes(16), (secret, serial) => {
      const one = createAuthority("any", { secret, serial });
      const certificate = new X509Certificate(one.certificate);
      t.true(certificate.verify(certificate.publicKey));
      t.true(belongTogether(one));
      t.regex(certificate.serialNumber, /^[4-7][0-9A-F]{31}$/);
      t.is(createAuthority("any", { secret, serial }).certificate, one.certificate);
    }),
    { numRuns: 20 },
  );
});

test("too little entropy is refused", (t) => {
  const short = { secret: new Uint8Array(32), serial: new Uint8Array(16) };
  t.throws(() => createAuthority("any", short), { message: /48 bytes/ });
});

testWithTools(["openssl"], "OpenSSL accepts the chain under its strict rules, and the key", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-certificate-"));
  const write = (name: string, text: string) => {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  try {
    const [authorityFile, clientFile] = [
      write("ca.crt", authority.certificate),
      write("client.crt", client.certificate),
    ];
    // A moment within the client's year.
    const attime = String(Date.parse("2026-06-01T00:00:00Z") / 1000);
    const verify = [
      "verify",
      "-x509_strict",
      "-attime",
      attime,
      "-purpose",
      "sslclient",
      "-CAfile",
      authorityFile,
      clientFile,
    ];
    t.regex(execFileSync("openssl", verify, { encoding: "utf8" }), /: OK\n$/);
    const check = ["ec", "-noout", "-check", "-in", write("ca.key", authority.key)];
    t.notThrows(() => execFileSync("openssl", check, { stdio: "pipe" }));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
