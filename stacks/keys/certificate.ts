import { p256 } from "@noble/curves/nist.js";
import { ECParameters, ECPrivateKey, id_ecPublicKey, id_ecdsaWithSHA256, id_secp256r1 } from "@peculiar/asn1-ecc";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import * as x509 from "@peculiar/asn1-x509";
import { createECDH, createHash } from "node:crypto";
import { formatPem } from "./pem.ts";

/** A certificate and its private key (SEC 1), both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

/** A P-256 private key with its public point, both raw. */
interface KeyPair {
  readonly secret: Uint8Array;
  readonly point: Uint8Array;
}

export interface Authority extends CertifiedKey {
  readonly commonName: string;
  readonly pair: KeyPair;
}

/** The entropy of a certificate: `secret` 48 bytes for its key, `serial` 16 bytes for its number. */
export interface Entropy {
  readonly secret: Uint8Array;
  readonly serial: Uint8Array;
}

/** When a certificate is valid, both ends included. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/**
 * All authorities are valid from and to the same fixed days, so that the same root secret gives the same bytes. The first day
 * is before any clock a board without a battery can start with; the last is the last that X.509 writes in its short form.
 */
export const validFrom = new Date("2020-01-01T00:00:00Z");
export const validTo = new Date("2049-12-31T23:59:59Z");

const usageOfAuthorities =
  x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.keyCertSign;
const usageOfClients = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;

/** A self-signed certificate authority with the extensions that K3s gives its own. */
export function createAuthority(commonName: string, entropy: Entropy): Authority {
  const pair = keyPair(entropy.secret);
  const subject = distinguishedName({ commonName });
  const validity = { from: validFrom, to: validTo };
  const certificate = sign(
    { serial: entropy.serial, subject, issuer: subject, point: pair.point, validity },
    pair.secret,
    [
      extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(usageOfAuthorities)),
      extension(x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: true })),
      extension(x509.id_ce_subjectKeyIdentifier, false, new x509.SubjectKeyIdentifier(keyIdentifier(pair.point))),
    ],
  );
  return { commonName, pair, certificate, key: formatKey(pair) };
}

/** A TLS client certificate: Kubernetes reads the user from the common name and the group from the organization. */
export function createClient(
  who: { commonName: string; organization?: string },
  entropy: Entropy,
  issuer: Authority,
  validity: Validity,
): CertifiedKey {
  const pair = keyPair(entropy.secret);
  const names = {
    serial: entropy.serial,
    subject: distinguishedName(who),
    issuer: distinguishedName({ commonName: issuer.commonName }),
    point: pair.point,
    validity,
  };
  const certificate = sign(names, issuer.pair.secret, [
    extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(usageOfClients)),
    extension(x509.id_ce_extKeyUsage, false, new x509.ExtendedKeyUsage([x509.id_kp_clientAuth])),
    extension(
      x509.id_ce_authorityKeyIdentifier,
      false,
      new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(keyIdentifier(issuer.pair.point)) }),
    ),
  ]);
  return { certificate, key: formatKey(pair) };
}

/** A private key (SEC 1, PEM) from 48 bytes, for what signs without a certificate. */
export function createKey(entropy: Uint8Array): string {
  return formatKey(keyPair(entropy));
}

function keyPair(entropy: Uint8Array): KeyPair {
  if (entropy.length !== 48) throw new Error(`a P-256 key is made from 48 bytes, not ${entropy.length}`);
  // From 48 bytes, the remainder modulo the group's order is uniform but for 2^-128 (FIPS 186-5, A.2.1).
  const secret = p256.utils.randomSecretKey(entropy);
  const exchange = createECDH("prime256v1");
  exchange.setPrivateKey(secret);
  return { secret, point: exchange.getPublicKey() };
}

function formatKey({ secret, point }: KeyPair): string {
  const key = new ECPrivateKey({
    privateKey: new OctetString(secret),
    parameters: new ECParameters({ namedCurve: id_secp256r1 }),
    publicKey: buffer(point),
  });
  return formatPem("EC PRIVATE KEY", der(key));
}

function sign(
  to: { serial: Uint8Array; subject: x509.Name; issuer: x509.Name; point: Uint8Array; validity: Validity },
  secret: Uint8Array,
  extensions: x509.Extension[],
): string {
  const signatureAlgorithm = new x509.AlgorithmIdentifier({ algorithm: id_ecdsaWithSHA256 });
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: buffer(positive(to.serial)),
    signature: signatureAlgorithm,
    issuer: to.issuer,
    validity: new x509.Validity({ notBefore: to.validity.from, notAfter: to.validity.to }),
    subject: to.subject,
    subjectPublicKeyInfo: new x509.SubjectPublicKeyInfo({
      algorithm: new x509.AlgorithmIdentifier({
        algorithm: id_ecPublicKey,
        parameters: AsnConvert.serialize(new ECParameters({ namedCurve: id_secp256r1 })),
      }),
      subjectPublicKey: buffer(to.point),
    }),
    extensions: new x509.Extensions(extensions),
  });
  // node:crypto signs with a random nonce; this one is derived from key and message (RFC 6979), so a rebuild is byte-equal.
  const signature = p256.sign(der(tbsCertificate), secret, { prehash: true, lowS: false, format: "der" });
  const certificate = new x509.Certificate({ tbsCertificate, signatureAlgorithm, signatureValue: buffer(signature) });
  return formatPem("CERTIFICATE", der(certificate));
}

/** A serial number must be positive and, here, always 16 bytes long: the top bits are 01. */
function positive(serial: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(serial);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function distinguishedName(name: { organization?: string; commonName: string }): x509.Name {
  const part = (type: string, text: string) =>
    new x509.RelativeDistinguishedName([
      new x509.AttributeTypeAndValue({ type, value: new x509.AttributeValue({ utf8String: text }) }),
    ]);
  const commonName = part("2.5.4.3", name.commonName);
  return new x509.Name(
    name.organization === undefined ? [commonName] : [part("2.5.4.10", name.organization), commonName],
  );
}

/** RFC 5280, 4.2.1.2, method 1. SHA-1 names the key here, it protects nothing. */
function keyIdentifier(point: Uint8Array): ArrayBuffer {
  return buffer(createHash("sha1").update(point).digest());
}

function extension(extnID: string, critical: boolean, value: unknown): x509.Extension {
  return new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function der(value: unknown): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(value));
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
