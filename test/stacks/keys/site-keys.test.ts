import { createHash, X509Certificate } from "node:crypto";
import test from "ava";
import { parse } from "yaml";
import { z } from "zod";
import { deriveSiteKeys, type SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "./example.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);

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
  for (const [stem, { certificate, key }] of Object.entries(all.authorities)) add(stem, certificate + key);
  add("kubeconfig", all.kubeconfig("192.168.7.11"));
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
  t.deepEqual(afterToken.authorities["server-ca"].certificate, keys.authorities["server-ca"].certificate);
});

test("the join token pins the bytes of the server authority's file", (t) => {
  const file = Buffer.from(keys.authorities["server-ca"].certificate);
  t.is(keys.joinToken, `K10${createHash("sha256").update(file).digest("hex")}::server:${keys.serverToken}`);
  // K3s splits tokens at colons and takes what begins with K10 for the long form.
  t.regex(keys.serverToken, /^[0-9a-f]{32}$/);
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

test("the kubeconfig trusts the server authority and shows an administrator's certificate", (t) => {
  const kubeconfig = z
    .object({
      clusters: z.array(
        z.object({ cluster: z.object({ server: z.string(), "certificate-authority-data": z.base64() }) }),
      ),
      users: z.array(z.object({ user: z.object({ "client-certificate-data": z.base64() }) })),
      "current-context": z.string(),
    })
    .parse(parse(keys.kubeconfig("192.168.7.11")));
  const decode = (text = "") => Buffer.from(text, "base64").toString();
  t.is(kubeconfig.clusters[0]?.cluster.server, "https://192.168.7.11:6443");
  const trusted = decode(kubeconfig.clusters[0]?.cluster["certificate-authority-data"]);
  t.is(trusted, keys.authorities["server-ca"].certificate);
  const client = new X509Certificate(decode(kubeconfig.users[0]?.user["client-certificate-data"]));
  t.is(client.subject, "O=system:masters\nCN=system:admin");
  t.true(client.verify(new X509Certificate(keys.authorities["client-ca"].certificate).publicKey));
  t.is(kubeconfig["current-context"], "barn");
});

test("a weak root secret and an unknown node are refused", (t) => {
  t.throws(() => deriveSiteKeys("password", site), { instanceOf: UserError });
  for (const node of ["pi-3", "constructor", "pi-1/2"]) t.throws(() => keys.hostKey(node), { message: /no node/ });
});
