import { isIPv6 } from "node:net";
import test from "ava";
import fc from "fast-check";
import { endpointSchema, type Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { siteSchema } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { renderKnownHosts, renderSshConfiguration, type LoginFiles } from "../../../stacks/remote/ssh-configuration.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

const plain = exampleSite();
const bastionKey = deriveSiteKeys(exampleRootSecret, { ...plain, name: "gate" }).hostKey("pi-1").publicKey;
const site = siteSchema.parse({
  ...plain,
  adminKeyGeneration: 3,
  access: { port: 2022, agent: true, bastion: { host: "gate.example", port: 2222, user: "ana", hostKey: bastionKey } },
  timeouts: { connect: 7, silence: 60 },
});
const endpoint = endpointOf(site, "pi-2", deriveSiteKeys(exampleRootSecret, site));
const files: LoginFiles = { directory: "login", node: "keys", bastion: "agent" };

test("the configuration and known hosts of a login through a bastion", (t) => {
  matchesGolden(t, "remote/ssh-config", renderSshConfiguration(endpoint, files));
  matchesGolden(t, "remote/known-hosts", renderKnownHosts(endpoint));
});

test("a node without a bastion is called directly", (t) => {
  const direct = endpointOf(plain, "pi-2", deriveSiteKeys(exampleRootSecret, plain));
  const text = renderSshConfiguration(direct, { ...files, node: "agent" });
  t.false(text.includes("Proxy"));
  t.regex(text, /IdentityAgent SSH_AUTH_SOCK\n {2}IdentityFile none\n/);
  t.is(renderKnownHosts(direct).split("\n").length, 2);
});

test("an adopted node is reached by its own key, account and port", (t) => {
  const hostKey = `${bastionKey.split(" ").slice(0, 2).join(" ")} root@old-node`;
  const node = exampleNode({ role: "agent", address: "192.168.7.12", hostKey, user: "ubuntu", port: 2200 });
  const adopted = { ...site, nodes: { ...site.nodes, "pi-2": node } };
  const found = endpointOf(adopted, "pi-2", deriveSiteKeys(exampleRootSecret, adopted));
  t.deepEqual([found.user, found.port], ["ubuntu", 2200]);
  t.is(`${found.hostKey} root@old-node`, hostKey);
});

test("an endpoint carries the derived host key without its comment", (t) => {
  t.regex(endpoint.hostKey, /^ssh-ed25519 [A-Za-z0-9+/=]+$/);
  t.true(deriveSiteKeys(exampleRootSecret, site).hostKey("pi-2").publicKey.startsWith(endpoint.hostKey));
});

test("a new generation of a node pins another key, and leaves the others", (t) => {
  const pinned = (generation: number, node: string) => {
    const changed = exampleSite();
    changed.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", generation });
    return endpointOf(changed, node, deriveSiteKeys(exampleRootSecret, changed)).hostKey;
  };
  t.not(pinned(4, "pi-2"), pinned(3, "pi-2"));
  t.is(pinned(4, "pi-1"), pinned(3, "pi-1"));
});

test("every value is the configuration's own, whatever an endpoint is given", (t) => {
  const words = fc.oneof(
    fc.constantFrom(
      "-oProxyCommand=sh",
      "%h",
      "a b",
      "a\nProxyCommand sh",
      'a"b',
      "a'b",
      "$(id)",
      "${HOME}",
      "a\tb",
      "a#b",
      "a=b",
      "",
      "ü",
      "a;b",
      "a\0",
    ),
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[A-Za-z0-9.:-]{1,20}$/),
    fc.constantFrom("10.0.0.1", "fd00::1", "pi.example", "ana", "_x-1"),
  );
  fc.assert(
    fc.property(words, words, words, words, (address, user, host, bastionUser) => {
      const given = { ...endpoint, address, user, bastion: { ...endpoint.bastion, host, user: bastionUser } };
      const parsed = endpointSchema.safeParse(given);
      if (!parsed.success) {
        t.false([address, host].every(isHarmlessHost) && [user, bastionUser].every(isHarmlessUser));
        return;
      }
      t.deepEqual(structureOf(parsed.data), structureOf(endpoint));
      for (const value of [address, host]) t.true(isHarmlessHost(value));
      for (const value of [user, bastionUser]) t.true(isHarmlessUser(value));
    }),
    { numRuns: 2000 },
  );
});

/** The keywords of each line, in order, and how many words follow. */
function structureOf(value: Endpoint): string[] {
  return renderSshConfiguration(value, files)
    .split("\n")
    .map((line) => `${line.trim().split(" ", 1)[0] ?? ""} ${line.trim().split(/\s+/).length}`);
}

const isHarmlessHost = (text: string) =>
  /^[A-Za-z0-9.:-]{1,254}$/.test(text) &&
  /^[^-.:].*[^-.:]$|^[^-.:]$/.test(text) &&
  (!text.includes(":") || isIPv6(text));
const isHarmlessUser = (text: string) => /^[a-z_][a-z0-9_-]{0,31}$/.test(text);

test("a host key or a private key with more than one line is none", (t) => {
  for (const hostKey of [
    `${endpoint.hostKey}\nnode ${bastionKey}`,
    `* ${endpoint.hostKey}`,
    `@cert-authority ${endpoint.hostKey}`,
  ])
    t.false(endpointSchema.safeParse({ ...endpoint, hostKey }).success, hostKey);
  t.false(endpointSchema.safeParse({ ...endpoint, privateKeys: ["/etc/passwd"] }).success);
  const many = Array.from({ length: 6 }, () => endpoint.privateKeys[0] ?? "");
  t.false(endpointSchema.safeParse({ ...endpoint, privateKeys: many }).success);
});
