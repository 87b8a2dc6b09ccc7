import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { renderConfig } from "../../../stacks/k3s/config-file.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";

const tokens = { serverToken: "server-token", joinToken: "K10ca::server:server-token" };

for (const node of ["pi-1", "pi-2"])
  test(`the config of ${node} is as it was`, (t) => {
    const site = exampleSite();
    site.nodes["pi-2"] = exampleNode({
      role: "agent",
      address: "192.168.7.12",
      generation: 3,
      labels: { disk: "nvme", "a.b/c": "" },
    });
    matchesGolden(t, `k3s/config-${node}.yaml`, renderConfig(site, node, tokens));
  });

test("only the server makes a cluster, and only agents name one; each has its own form of the token", (t) => {
  const config = (node: string) => parse(renderConfig(exampleSite(), node, tokens)) as Record<string, unknown>;
  const [server, agent] = [config("pi-1"), config("pi-2")];
  t.is(server["cluster-init"], true);
  t.false("server" in server);
  t.is(server.token, tokens.serverToken);
  t.is(agent.server, "https://192.168.7.11:6443");
  t.is(agent.token, tokens.joinToken);
  t.false("cluster-init" in agent || "disable" in agent);
});

test("names and tokens that look like other YAML come back as text", (t) => {
  const words = fc.stringMatching(/^[a-z0-9]{1,20}$/);
  fc.assert(
    fc.property(words, words, (label, token) => {
      const site = exampleSite();
      site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", labels: { [label]: "on" } });
      const config = parse(renderConfig(site, "pi-1", { ...tokens, serverToken: token }), { version: "1.1" }) as Record<
        string,
        unknown
      >;
      t.is(config.token, token);
      t.deepEqual(config["node-label"], [`${label}=on`]);
    }),
  );
});
