import test from "ava";
import { renderHosts } from "../../../../stacks/nodes/preparation/hosts.ts";
import { exampleNode, exampleSite } from "../../keys/example.ts";

test("the order of nodes in the configuration makes no difference", (t) => {
  const site = exampleSite();
  const turned = { ...site, nodes: Object.fromEntries(Object.entries(site.nodes).reverse()) };
  t.is(renderHosts(turned), renderHosts(site));
});

test("a node with two addresses has two lines", (t) => {
  const site = exampleSite();
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", address6: "fd00::12" });
  t.is(renderHosts(site), "192.168.7.11 pi-1\n192.168.7.12 pi-2\nfd00::12 pi-2\n");
});
