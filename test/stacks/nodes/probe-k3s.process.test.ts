import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { createAuthority, createClient } from "../../../stacks/keys/certificate.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { renderConfig } from "../../../stacks/k3s/config-file.ts";
import type { K3sReport } from "../../../stacks/nodes/facts.ts";
import { root } from "../../../stacks/root.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { probeBoard } from "./probe-board.ts";
import { raspberryPi5, systemctl, type Tree } from "./board.ts";

const data = "/var/lib/rancher/k3s";
const entropy = (byte: number) => ({ secret: Buffer.alloc(48, byte), serial: Buffer.alloc(16, byte) });
const authority = createAuthority("ca", entropy(1));
const leaf = (from: Date, to: Date) =>
  createClient({ commonName: "someone" }, entropy(2), authority, { from, to }).certificate;

const k3sOf = async (t: ExecutionContext, tree: Tree): Promise<K3sReport> =>
  (await probeBoard(t, raspberryPi5, tree)).k3s;

testWithTools(["python3"], "a server that is well: version, data, token, certificates, snapshots", async (t) => {
  const site = exampleSite();
  const keys = deriveSiteKeys(exampleRootSecret, site);
  const seen = await k3sOf(t, {
    "/usr/bin/k3s": { exec: `echo "k3s version v1.34.2+k3s1 (abcdef)"` },
    [`${data}/server/db/etcd/member/snap/db`]: "",
    [`${data}/server/token`]: `${keys.joinToken}\n`,
    [`${data}/server/tls/client-admin.crt`]: leaf(new Date("2026-01-01"), new Date("2027-03-01T00:00:00Z")),
    [`${data}/server/tls/etcd/client.crt`]: leaf(new Date("2026-01-01"), new Date("2027-02-01T00:00:00Z")),
    [`${data}/server/tls/client-ca.crt`]: leaf(new Date("2026-01-01"), new Date("2026-02-01")),
    [`${data}/server/db/snapshots/etcd-snapshot-pi-1-1`]: "123",
    "/etc/rancher/k3s/config.yaml": renderConfig(site, "pi-1", keys),
  });
  t.like(seen, { role: "server", unit: "active", version: "v1.34.2+k3s1", hasData: true, journal: [] });
  t.is(seen.certificatesEnd, "2027-02-01T00:00:00Z", "the first to end, and no authority's");
  t.is(seen.tokenDigest, createHash("sha256").update(keys.serverToken).digest("hex"));
  t.deepEqual(seen.decided, { secretsEncryption: true, clusterCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" });
  t.like(seen.snapshots?.[0], { name: "etcd-snapshot-pi-1-1", megabytes: 1 });
});

testWithTools(["python3"], "an agent that does not come up shows its journal, and no token in it", async (t) => {
  const token = `K10${"ab".repeat(32)}::node:secret`;
  const seen = await k3sOf(t, {
    "/usr/bin/systemctl": systemctl({ "k3s-agent.service": "activating" }),
    "/usr/bin/journalctl": { exec: `echo "level=error msg=\\"Failed to validate ${token}\\""` },
    [`${data}/agent/client-kubelet.crt`]: leaf(new Date("2060-01-01"), new Date("2061-01-01T00:00:00Z")),
  });
  t.like(seen, { role: "agent", unit: "activating", hasData: true, decided: null, tokenDigest: null, snapshots: null });
  t.is(seen.certificatesEnd, "2061-01-01T00:00:00Z", "a time in its long form");
  t.is(seen.journal.length, 1);
  t.false(seen.journal.join("").includes("secret"));
});

testWithTools(["python3"], "where K3s never was, nothing is said of it", async (t) => {
  const seen = await k3sOf(t, { "/usr/bin/systemctl": systemctl({}) });
  t.like(seen, { role: null, unit: null, version: null, hasData: false, certificatesEnd: null, decided: null });
  t.true((seen.diskFreeMegabytes ?? 0) > 0);
  t.true((seen.diskMegabytes ?? 0) >= (seen.diskFreeMegabytes ?? 0));
});

/** A certificate that OpenSSL makes. */
function openssl(t: ExecutionContext, ...options: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "bramble-certificate-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const [key, file] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const argv = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key];
  const made = spawnSync("openssl", [...argv, "-out", file, ...options], { encoding: "utf8" });
  t.is(made.status, 0, made.stderr);
  return readFileSync(file, "utf8");
}

/** What probe.py reads as the ends of certificates (DER), all in one process. */
function endsOf(t: ExecutionContext, certificates: readonly Buffer[]): (string | null)[] {
  const program = [
    "import base64, json, sys",
    "sys.path[:0] = sys.argv[1:]",
    "import probe",
    "ends = [probe.certificate_end(base64.b64decode(der)) for der in json.load(sys.stdin)]",
    "print(json.dumps([end and end.isoformat() for end in ends]))",
  ].join("\n");
  const modules = ["remote", "nodes"].map((folder) => join(root, "stacks", folder));
  const input = JSON.stringify(certificates.map((der) => der.toString("base64")));
  const read = spawnSync("python3", ["-B", "-c", program, ...modules], { input, encoding: "utf8" });
  t.is(read.status, 0, read.stderr);
  return JSON.parse(read.stdout) as (string | null)[];
}

testWithTools(["python3", "openssl"], "the end of a certificate is read whatever else is in it", (t) => {
  // Bytes that read like a time: 0x17, a length of 13 and 010101000000Z, and the long form.
  const utcTime = "170d3031303130313030303030305a";
  const generalizedTime = "180f32303031303130313030303030305a";
  const certificates = [
    ["-subj", "/CN=short", "-days", "300"],
    ["-subj", "/CN=long form", "-days", "20000"],
    ["-subj", "/CN=serial", "-days", "300", "-set_serial", `0x${utcTime}`],
    ["-subj", "/CN=serial", "-days", "20000", "-set_serial", `0x${generalizedTime}`],
    ["-subj", "/CN=010101000000Z", "-days", "300", "-addext", "subjectAltName=IP:127.0.0.1,DNS:kubernetes"],
    // A length that takes two bytes.
    ["-subj", `/O=${"x".repeat(60)}/OU=${"y".repeat(60)}/CN=${"z".repeat(60)}`, "-days", "10"],
  ].map((options) => new X509Certificate(openssl(t, ...options)));
  t.deepEqual(
    endsOf(
      t,
      certificates.map(({ raw }) => raw),
    ),
    certificates.map(({ validTo }) => new Date(validTo).toISOString().replace(".000Z", "+00:00")),
  );
});

testWithTools(["python3"], "half a certificate, as a power cut leaves it, is none, and ends nothing", async (t) => {
  const whole = leaf(new Date("2026-01-01"), new Date("2027-03-01T00:00:00Z"));
  const der = new X509Certificate(whole).raw;
  const halves = Array.from({ length: der.length }, (_, length) => der.subarray(0, length));
  t.deepEqual(new Set(endsOf(t, [...halves, Buffer.alloc(1200), Buffer.from("abc")])), new Set([null]));
  const seen = await probeBoard(t, raspberryPi5, {
    [`${data}/server/tls/client-admin.crt`]: whole.slice(0, 200),
    // Of a length that base64 does not have.
    [`${data}/server/tls/client-scheduler.crt`]: `${whole.slice(0, 201)}\n-----END CERTIFICATE-----\n`,
    [`${data}/server/tls/server-ca.crt`]: "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
    [`${data}/server/tls/client-kubelet.crt`]: `${whole}${authority.certificate}`,
  });
  t.is(
    seen.k3s.certificatesEnd,
    "2027-03-01T00:00:00Z",
    "of the one that is whole; as K3s writes it, its authority's comes after it",
  );
  t.is(seen.facts.clusterAuthority, null);
});

testWithTools(["python3"], "a snapshot that etcd still writes is none yet", async (t) => {
  const seen = await k3sOf(t, {
    [`${data}/server/db/snapshots/etcd-snapshot-pi-1-1`]: "123",
    [`${data}/server/db/snapshots/etcd-snapshot-pi-1-2.part`]: "12",
  });
  t.deepEqual(
    seen.snapshots?.map(({ name }) => name),
    ["etcd-snapshot-pi-1-1"],
  );
});
