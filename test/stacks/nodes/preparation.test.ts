import test from "ava";
import { stringify } from "yaml";
import { preparationPhase, renderHosts } from "../../../stacks/nodes/preparation.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleSite } from "../keys/example.ts";

test("a node's preparation is as it was", (t) => {
  matchesGolden(t, "nodes/preparation.yaml", stringify(preparationPhase(exampleSite(), "pi-1"), { lineWidth: 0 }));
});

test("the order of nodes in the configuration makes no difference", (t) => {
  const site = exampleSite();
  const turned = { ...site, nodes: Object.fromEntries(Object.entries(site.nodes).reverse()) };
  t.is(renderHosts(turned), renderHosts(site));
});
