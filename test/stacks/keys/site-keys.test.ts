import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import test from "ava";
import { parse } from "yaml";
import { z } from "zod";
import { experimentUser } from "../../../stacks/experiment-access.ts";
import { deriveSiteKeys, type SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "./example.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const now = new Date("2026-02-14T12:00:00Z");

/** Everything that a site's keys give, as one text. */
function render(all: SiteKeys): string {
  const lines: string[] = [];
  const add = (name: string, text: string) => lines.push(`# ${name}`, text.trimEnd());
  add("admin", all.admin.privateKey + all.admin.publicKey);
  for (const node of Object.keys(site.nodes)) {
    add(`host key of ${node}`, all.hostKey(node).privateKey + all.hostKey(node).publicKey);
    add(`node password of ${node}`, all.nodePassword(node));
  }
  add("server token", all.serverToken);
  add("join token", all.joinToken);
  add("agent token", all.agentToken);
  add("agent join token", all.agentJoinToken);
  for (const [stem, { certificate, key }] of Object.entries(all.authorities)) add(stem, certificate + key);
  add("service key", all.serviceKey);
  add("kubeconfig", all.kubeconfig("192.168.7.11", now));
  add("kubeconfig of an experiment", all.experimentKubeconfig("threads-1", "192.168.7.11", now));
  return `${lines.join("\n")}\n`;
}

test("the same root secret and site give the same keys, for good", (t) => {
  matchesGolden(t, "keys/site-keys.txt", render(keys));
  t.is(render(deriveSiteKeys(exampleRootSecret, exampleSite())), render(keys));
});

test("every key is of its own", (t) => {
  const all = [
    keys.admin.privateKey,
    ...Object.keys(site.nodes).flatMap((node) => [keys.hostKey(node).privateKey, keys.nodePassword(node)]),
    keys.serverToken,
    keys.agentToken,
    keys.serviceKey,
    ...Object.values(keys.authorities).map(({ key }) => key),
  ];
  t.is(new Set(all).size, all.length);
  const serials = Object.values(keys.authorities).map(
    ({ certificate }) => new X509Certificate(certificate).serialNumber,
  );
  t.is(new Set(serials).size, 5);
});

test("another root secret or another site's name changes everything", (t) => {
  const otherRoot = deriveSiteKeys(exampleRootSecret.replace("00", "ff"), site);
  const otherSite = deriveSiteKeys(exampleRootSecret, { ...site, name: "mill" });
  for (const other of [otherRoot, otherSite]) {
    t.not(other.admin.privateKey, keys.admin.privateKey);
    t.not(other.hostKey("pi-1").privateKey, keys.hostKey("pi-1").privateKey);
    t.not(other.nodePassword("pi-1"), keys.nodePassword("pi-1"));
    t.not(other.serverToken, keys.serverToken);
    t.not(other.agentToken, keys.agentToken);
    t.not(other.serviceKey, keys.serviceKey);
    for (const [stem, { key }] of Object.entries(keys.authorities))
      t.not(new Map(Object.entries(other.authorities)).get(stem)?.key, key);
  }
});

test("the admin's former keys stay known, newest first, as many as sshd lets one try", (t) => {
  const at = (adminKeyGeneration: number) => deriveSiteKeys(exampleRootSecret, { ...site, adminKeyGeneration });
  const text = [1, 3, 7].map((generation) => {
    const lines = at(generation).adminKeys.map(({ publicKey, privateKey }) => `${publicKey}\n${privateKey}`);
    return `# generation ${generation}\n${lines.join("")}`;
  });
  matchesGolden(t, "keys/admin-keys.txt", text.join(""));
  t.deepEqual(at(1).adminKeys, [keys.admin]);
  t.deepEqual(
    at(7).adminKeys,
    [7, 6, 5, 4, 3].map((generation) => at(generation).admin),
  );
});

test("a generation changes its own key and no other", (t) => {
  const changed = exampleSite();
  changed.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", generation: 2 });
  const afterFlash = deriveSiteKeys(exampleRootSecret, changed);
  t.not(afterFlash.hostKey("pi-1").publicKey, keys.hostKey("pi-1").publicKey);
  t.is(afterFlash.hostKey("pi-2").publicKey, keys.hostKey("pi-2").publicKey);
  t.is(afterFlash.nodePassword("pi-1"), keys.nodePassword("pi-1"));
  t.is(afterFlash.joinToken, keys.joinToken);

  const afterAdmin = deriveSiteKeys(exampleRootSecret, { ...site, adminKeyGeneration: 2 });
  t.not(afterAdmin.admin.publicKey, keys.admin.publicKey);
  t.is(afterAdmin.hostKey("pi-1").publicKey, keys.hostKey("pi-1").publicKey);

  const afterToken = deriveSiteKeys(exampleRootSecret, { ...site, k3s: { ...site.k3s, tokenGeneration: 2 } });
  t.not(afterToken.serverToken, keys.serverToken);
  t.not(afterToken.agentToken, keys.agentToken);
  t.is(afterToken.serviceKey, keys.serviceKey);
  t.deepEqual(afterToken.authorities["server-ca"].certificate, keys.authorities["server-ca"].certificate);
});

test("the join token pins the bytes of the server authority's file", (t) => {
  const file = Buffer.from(keys.authorities["server-ca"].certificate);
  t.is(keys.joinToken, `K10${createHash("sha256").update(file).digest("hex")}::server:${keys.serverToken}`);
  t.is(keys.agentJoinToken, `K10${createHash("sha256").update(file).digest("hex")}::node:${keys.agentToken}`);
  // K3s splits tokens at colons and takes what begins with K10 for the long form.
  for (const token of [keys.serverToken, keys.agentToken]) t.regex(token, /^[0-9a-f]{32}$/);
});

test("the authorities are K3s's, by file and by name", (t) => {
  const names = Object.entries(keys.authorities).map(([stem, { certificate }]) => [
    stem,
    new X509Certificate(certificate).subject,
  ]);
  t.deepEqual(names, [
    ["server-ca", "CN=k3s-server-ca@1577836800"],
    ["client-ca", "CN=k3s-client-ca@1577836800"],
    ["request-header-ca", "CN=k3s-request-header-ca@1577836800"],
    ["etcd/server-ca", "CN=etcd-server-ca@1577836800"],
    ["etcd/peer-ca", "CN=etcd-peer-ca@1577836800"],
  ]);
});

test("former tokens stay known, newest first, as many as ten", (t) => {
  const at = (tokenGeneration: number) =>
    deriveSiteKeys(exampleRootSecret, { ...site, k3s: { ...site.k3s, tokenGeneration } });
  t.deepEqual(at(1).tokens, [{ generation: 1, server: keys.serverToken }]);
  t.deepEqual(
    at(3).tokens,
    [3, 2, 1].map((generation) => ({ generation, server: at(generation).serverToken })),
  );
  t.deepEqual(
    at(12).tokens.map(({ generation }) => generation),
    [12, 11, 10, 9, 8, 7, 6, 5, 4, 3],
  );
});

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), "certificate-authority-data": z.base64() }) }),
  ]),
  users: z.tuple([
    z.object({ user: z.object({ "client-certificate-data": z.base64(), "client-key-data": z.base64() }) }),
  ]),
  contexts: z.tuple([z.object({ name: z.string(), context: z.object({ namespace: z.string().optional() }) })]),
  "current-context": z.string(),
});

/** A kubeconfig's parts, decoded. */
function open(text: string) {
  const { clusters, users, contexts, "current-context": current } = kubeconfigSchema.parse(parse(text));
  const decode = (data: string) => Buffer.from(data, "base64").toString();
  return {
    server: clusters[0].cluster.server,
    authority: decode(clusters[0].cluster["certificate-authority-data"]),
    certificate: new X509Certificate(decode(users[0].user["client-certificate-data"])),
    key: decode(users[0].user["client-key-data"]),
    namespace: contexts[0].context.namespace,
    current,
  };
}

test("the kubeconfig trusts the server authority and shows an administrator's certificate", (t) => {
  const { server, authority, certificate, key, namespace, current } = open(keys.kubeconfig("192.168.7.11", now));
  t.is(server, "https://192.168.7.11:6443");
  t.is(open(keys.kubeconfig("fd00::5", now)).server, "https://[fd00::5]:6443");
  t.is(authority, keys.authorities["server-ca"].certificate);
  t.is(certificate.subject, "O=system:masters\nCN=system:admin");
  t.true(certificate.verify(new X509Certificate(keys.authorities["client-ca"].certificate).publicKey));
  t.true(certificate.checkPrivateKey(createPrivateKey(key)));
  t.is(namespace, undefined);
  t.is(current, "barn");
});

test("an experiment's kubeconfig names it, in no group, and works in its namespace", (t) => {
  const { certificate, key, namespace, current } = open(keys.experimentKubeconfig("threads-1", "192.168.7.11", now));
  t.is(certificate.subject, "CN=bramble:experiment:threads-1");
  t.is(`CN=${experimentUser("threads-1")}`, certificate.subject);
  t.true(certificate.verify(new X509Certificate(keys.authorities["client-ca"].certificate).publicKey));
  t.is(namespace, "threads-1");
  t.is(current, "barn-threads-1");
  t.not(key, open(keys.experimentKubeconfig("threads-2", "192.168.7.11", now)).key);
  t.not(key, open(keys.kubeconfig("192.168.7.11", now)).key);
});

test("within a quarter a kubeconfig stays as it is; the next brings a new one, long before the old one ends", (t) => {
  const at = (text: string) => keys.kubeconfig("192.168.7.11", new Date(text));
  t.is(at("2026-01-01T00:00:00Z"), at("2026-03-31T23:59:59Z"));
  const quarters = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", "2027-01-01T00:00:00Z"];
  t.is(new Set(quarters.map((text) => open(at(text)).key)).size, 4);
  t.is(new Set(quarters.map((text) => open(at(text)).certificate.serialNumber)).size, 4);
  const { validFromDate, validToDate } = open(at("2026-03-31T23:59:59Z")).certificate;
  t.is(validFromDate.toISOString(), "2025-12-31T00:00:00.000Z");
  t.is(validToDate.toISOString(), "2027-01-02T00:00:00.000Z");
});

test("a weak root secret and an unknown node are refused", (t) => {
  t.throws(() => deriveSiteKeys("password", site), { instanceOf: UserError });
  for (const node of ["pi-3", "constructor", "pi-1/2"]) t.throws(() => keys.hostKey(node), { message: /no node/ });
});
