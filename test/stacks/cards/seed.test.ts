import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { renderSeed } from "../../../stacks/cards/seed.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { matchesGolden } from "../../golden.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const seed = renderSeed(site, "pi-2", keys);

for (const [name, text] of Object.entries(seed.files))
  test(`${name} is as it was`, (t) => {
    matchesGolden(t, `cards/${name}`, text);
  });

test("a seed holds what cloud-init's NoCloud reads, and nothing else", (t) => {
  t.deepEqual(Object.keys(seed.files).sort(), ["meta-data", "network-config", "user-data"]);
  t.true(seed.files["user-data"]?.startsWith("#cloud-config\n"));
});

test("the digest is the seed's: equal for equal seeds, another for another node, key or address", (t) => {
  t.is(renderSeed(exampleSite(), "pi-2", deriveSiteKeys(exampleRootSecret, exampleSite())).digest, seed.digest);
  t.regex(seed.digest, /^[0-9a-f]{64}$/);
  const moved = exampleSite();
  moved.network.gateway = "192.168.7.254";
  const others = [
    renderSeed(site, "pi-1", keys),
    renderSeed(moved, "pi-2", keys),
    renderSeed(site, "pi-2", deriveSiteKeys(exampleRootSecret, { ...site, adminKeyGeneration: 2 })),
  ];
  t.is(new Set([seed, ...others].map(({ digest }) => digest)).size, 4);
});

test("what is not identity, network, keys or user leaves the seed alone", (t) => {
  const changed = exampleSite();
  changed.k3s.version = "v1.35.0+k3s1";
  changed.modelRegistry = "192.168.7.2:5000";
  changed.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", generation: 3, labels: { a: "b" } });
  t.is(renderSeed(changed, "pi-2", deriveSiteKeys(exampleRootSecret, changed)).digest, seed.digest);
});

test("without nameservers none are named", (t) => {
  const alone = exampleSite();
  alone.network.nameservers = [];
  t.false(renderSeed(alone, "pi-1", keys).files["network-config"]?.includes("nameservers"));
});

/** Strings that YAML's two versions read as something else, or that break out of their place. */
const hostile = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ minLength: 1, unit: "binary" }),
  fc.constantFrom(
    "no",
    "Yes",
    "on",
    "y",
    "null",
    "~",
    "1_000",
    "0x1f",
    "010",
    "1:30",
    "1e3",
    ".inf",
    "=",
    "<<",
    "2001-01-01",
  ),
  fc.constantFrom(
    "a: b",
    "a #b",
    "- a",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "|",
    ">",
    "'",
    '"',
    "\\",
    "{{ x }}",
    "\n",
    "a\nb: c",
  ),
  fc.constantFrom(
    "---",
    "...",
    "\t",
    " a",
    "a ",
    "\u0085",
    "\u2028",
    "\ufeff",
    "#cloud-config",
    "a\r\nb",
    "\u0007",
    "\u007f",
  ),
);

/** A key, not a value: what the schema lets through. */
const networkInterface = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/), fc.constantFrom("no", "on", "y", "null"));

interface Facts {
  readonly name: string;
  readonly node: string;
  readonly user: string;
  readonly interface: string;
  readonly text: string;
}
const facts: fc.Arbitrary<Facts> = fc.record({
  name: hostile,
  node: hostile,
  user: hostile,
  interface: networkInterface,
  text: hostile,
});

function renderHostile({ name, node, user, interface: network, text }: Facts): Readonly<Record<string, string>> {
  const nodes: Site["nodes"] = Object.fromEntries([
    [node, { ...exampleNode({ role: "server", address: "192.168.7.11" }), address: text }],
  ]);
  const bad: Site = {
    ...site,
    name,
    user,
    nodes,
    network: { ...site.network, interface: network, gateway: text, nameservers: [text] },
  };
  return renderSeed(bad, node, {
    ...keys,
    admin: { privateKey: "", publicKey: text },
    hostKey: () => ({ privateKey: text, publicKey: text }),
  }).files;
}

/** The facts as they must come out of the three files, whatever they are. */
function expected({ name, node, user, interface: network, text }: Facts) {
  return {
    "meta-data": { "instance-id": `${name}-${node}-1`, "local-hostname": node },
    "network-config": {
      version: 2,
      ethernets: {
        [network]: {
          dhcp4: false,
          dhcp6: false,
          addresses: [`${text}/24`],
          routes: [{ to: "0.0.0.0/0", via: text }],
          nameservers: { addresses: [text] },
        },
      },
    },
    user: [user, "/bin/bash", true, "ALL=(ALL) NOPASSWD:ALL", [text]],
    ssh: { ed25519_private: text, ed25519_public: text },
    hostname: node,
  };
}

function pick(read: (file: string) => unknown) {
  const data = read("user-data") as { user: Record<string, unknown>; ssh_keys: unknown; hostname: unknown };
  const { name, shell, lock_passwd, sudo, ssh_authorized_keys } = data.user;
  return {
    "meta-data": read("meta-data"),
    "network-config": read("network-config"),
    user: [name, shell, lock_passwd, sudo, ssh_authorized_keys],
    ssh: data.ssh_keys,
    hostname: data.hostname,
  };
}

test("hostile strings come out of the seed as they went in", (t) => {
  fc.assert(
    fc.property(facts, (given) => {
      const files = renderHostile(given);
      for (const version of ["1.1", "1.2"] as const)
        t.deepEqual(
          pick((file) => parse(files[file] ?? "", { version }) as unknown),
          expected(given),
        );
    }),
  );
});

test("a name that some parsers of YAML 1.1 take for a number stays a name", (t) => {
  const named = { ...site, network: { ...site.network, interface: "e42" } };
  const text = renderSeed(named, "pi-2", keys).files["network-config"] ?? "";
  const { ethernets } = parse(text, { version: "1.1" }) as { ethernets: object };
  t.deepEqual(Object.keys(ethernets), ["e42"]);
});

testWithTools(["python3:yaml"], "and out of PyYAML, which cloud-init reads them with", (t) => {
  const samples = fc.sample(facts, 100);
  const files = samples.map(renderHostile);
  const read =
    "import json,sys,yaml; print(json.dumps([{k: yaml.safe_load(v) for k, v in f.items()} for f in json.load(sys.stdin)]))";
  const output = execFileSync("python3", ["-c", read], { input: JSON.stringify(files), encoding: "utf8" });
  const seen = JSON.parse(output) as Record<string, unknown>[];
  t.is(seen.length, samples.length);
  for (const [index, given] of samples.entries())
    t.deepEqual(
      pick((file) => seen[index]?.[file]),
      expected(given),
    );
});

testWithTools(["cloud-init"], "cloud-init finds nothing to complain of", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-seed-"));
  try {
    const file = join(directory, "user-data");
    writeFileSync(file, seed.files["user-data"] ?? "", { mode: 0o600 });
    t.regex(
      execFileSync("cloud-init", ["schema", "--config-file", file], { encoding: "utf8" }),
      /^Valid (cloud-config|schema)/m,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
