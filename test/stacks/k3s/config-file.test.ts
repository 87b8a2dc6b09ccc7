import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { nodeOf, serversOf, type Site } from "../../../stacks/config/site.ts";
import { renderConfig, renderRegistration } from "../../../stacks/k3s/config-file.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";
import { arbitraryCluster } from "./arbitrary-cluster.ts";
import { configFacts, expectedConfig, expectedRegistration, registrationFacts } from "./config-facts.ts";
import { exampleTokens, validSite } from "./valid-site.ts";

const sites = ["site-minimal", "site-three-servers", "site-k3s-everything"] as const;

for (const name of sites)
  for (const node of Object.keys(validSite(name).nodes)) {
    test(`${name}: the config of ${node} is as it was`, (t) => {
      matchesGolden(t, `k3s/${name}/${node}-config.yaml`, renderConfig(validSite(name), node, exampleTokens));
    });
    test(`${name}: what counts when ${node} registers is as it was`, (t) => {
      matchesGolden(
        t,
        `k3s/${name}/${node}-registration.yaml`,
        renderRegistration(validSite(name), node) ?? "# No file.\n",
      );
    });
  }

function config(site: Site, node: string): Record<string, unknown> {
  return parse(renderConfig(site, node, exampleTokens), { version: "1.1" }) as Record<string, unknown>;
}

test("agents name a server and have the agents' token, which pins the authority; a sole server has the short form, and names nobody", (t) => {
  const [server, agent] = [config(exampleSite(), "pi-1"), config(exampleSite(), "pi-2")];
  t.deepEqual([server.token, server["agent-token"]], [exampleTokens.serverToken, exampleTokens.agentToken]);
  t.false("server" in server || "cluster-init" in server);
  t.is(agent.server, "https://192.168.7.11:6443");
  t.is(agent.token, exampleTokens.agentJoinToken);
  t.false("agent-token" in agent || "disable" in agent || "secrets-encryption" in agent);
});

test("all servers are told the same, but for who they are", (t) => {
  const [first, ...others] = serversOf(validSite("site-k3s-everything")).map(({ name }) => {
    const {
      "node-name": nodeName,
      "node-ip": nodeIp,
      server,
      ...rest
    } = config(validSite("site-k3s-everything"), name);
    t.is(nodeName, name);
    t.truthy(nodeIp);
    t.truthy(server);
    return rest;
  });
  for (const other of others) t.deepEqual(other, first);
});

test("each of several servers names another one, and its authority: whoever was removed by hand joins again and founds nothing", (t) => {
  const site = validSite("site-three-servers");
  const names = serversOf(site).map(({ name }) => name);
  const others = names.map((name) => {
    const { server, token } = config(site, name);
    t.is(token, exampleTokens.joinToken);
    const named = names.find((other) => server === `https://${nodeOf(site, other).address}:6443`);
    t.not(named, name);
    return named;
  });
  t.false(others.includes(undefined));
});

test("agents call the API's own name where there is one", (t) => {
  const site = exampleSite();
  const server = () => config(site, "pi-2").server;
  site.k3s.kubeVip = { address: "fd00::5", image: "kube-vip" };
  t.is(server(), "https://[fd00::5]:6443");
  site.k3s.apiAddress = "k3s.example.org";
  t.is(server(), "https://k3s.example.org:6443");
});

test("a server's certificate has every name that a client may come by, each once", (t) => {
  const site = validSite("site-k3s-everything");
  site.k3s.extra.server = {};
  t.deepEqual(config(site, "pi-2")["tls-san"], [
    ...["k3s.example.org", "192.168.7.5"],
    ...["192.168.7.11", "fd00:7::11", "192.168.7.12", "fd00:7::12", "192.168.7.13", "fd00:7::13"],
  ]);
  site.k3s.apiAddress = "192.168.7.5";
  t.is((config(site, "pi-2")["tls-san"] as string[]).filter((name) => name === "192.168.7.5").length, 1);
});

test("the administrator's kubeconfig has its mode as text: 0600 without quotes is 384 in YAML 1.1", (t) => {
  t.is(config(exampleSite(), "pi-1")["write-kubeconfig-mode"], "0600");
});

test("a node of a site with IPv6 shows its second address only where pods have one too", (t) => {
  const site = validSite("site-k3s-everything");
  t.is(config(site, "pi-4")["node-ip"], "192.168.7.14,fd00:7::14");
  site.k3s.clusterCidr = ["10.42.0.0/16"];
  t.is(config(site, "pi-4")["node-ip"], "192.168.7.14");
});

test("a further argument never takes the place of ours, one alone neither", (t) => {
  const site = exampleSite();
  const before = config(site, "pi-2")["kubelet-arg"] as string[];
  t.true(before.length > 0);
  site.k3s.extra.all = { "kubelet-arg": "max-pods=60" };
  site.k3s.extra.agent = { "kubelet-arg": ["v=2"] };
  t.deepEqual(config(site, "pi-2")["kubelet-arg"], [...before, "max-pods=60", "v=2"]);
  t.deepEqual(config(site, "pi-1")["kubelet-arg"], [...before, "max-pods=60"]);
});

test("labels that a kubelet may not give itself are left to the API", (t) => {
  const site = exampleSite();
  const labels = {
    "node-role.kubernetes.io/model": "true",
    "kubernetes.io/arch": "arm64",
    "a.k8s.io/b": "c",
    "k8s.io/b": "c",
    "node.kubernetes.io/class": "pi5",
    "x.kubelet.kubernetes.io/y": "z",
    "topology.kubernetes.io/zone": "barn",
    "notkubernetes.io/x": "y",
    "kubernetes.io.example/x": "y",
    disk: "nvme",
  };
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", labels });
  const registration = parse(renderRegistration(site, "pi-2") ?? "") as Record<string, string[]>;
  t.deepEqual(registration["node-label"], [
    ...["disk=nvme", "kubernetes.io.example/x=y", "node.kubernetes.io/class=pi5", "notkubernetes.io/x=y"],
    ...["topology.kubernetes.io/zone=barn", "x.kubelet.kubernetes.io/y=z"],
  ]);
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", labels: { "k8s.io/b": "c" } });
  t.is(renderRegistration(site, "pi-2"), undefined);
});

test("any valid site's config says what was configured", (t) => {
  fc.assert(
    fc.property(arbitraryCluster, (site) => {
      for (const node of Object.keys(site.nodes)) {
        t.deepEqual(configFacts(config(site, node)), expectedConfig(site, node));
        const registration = renderRegistration(site, node);
        const { labels, taints } = nodeOf(site, node);
        t.is(registration === undefined, Object.keys({ ...labels, ...taints }).length === 0);
        if (registration !== undefined)
          t.deepEqual(registrationFacts(parse(registration, { version: "1.1" })), expectedRegistration(site, node));
      }
    }),
    { numRuns: 60 },
  );
});
