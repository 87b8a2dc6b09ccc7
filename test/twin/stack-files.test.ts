import test from "ava";
import { parseSite } from "../../stacks/config/parse.ts";
import { nodeNames, renderTwinSite } from "../../twin/stack-files.ts";

const sha256 = "a".repeat(64);
const parts = {
  image: { file: "card.img", sha256 },
  k3s: { version: "v1.34.2+k3s1", binary: { file: "k3s", sha256 }, images: [] },
  network: { gateway: "10.64.0.1", prefix: 24, address: (host: number) => `10.64.0.${host}` },
};

test("a twin of 1 to 8 nodes is a valid site with one server", (t) => {
  for (const count of [1, 2, 8]) {
    const site = parseSite("twin", renderTwinSite("twin", parts, { nodes: nodeNames(count) }));
    const roles = Object.values(site.nodes).map(({ role }) => role);
    t.deepEqual(roles, ["server", ...Array.from({ length: count - 1 }, () => "agent" as const)]);
    t.is(new Set(Object.values(site.nodes).map(({ address }) => address)).size, count);
  }
  t.throws(() => renderTwinSite("twin", parts, { nodes: nodeNames(9) }), { message: /1 to 8 nodes/ });
});

test("the image that serves models lies on the second node, or the only one, and the runner's, for the probe, on all", (t) => {
  const ollama = { file: "ollama.tar", sha256, reference: "ollama:1" };
  const runner = { file: "node.tar", sha256, reference: "node:1" };
  const placed = (names: readonly string[]) =>
    parseSite("twin", renderTwinSite("twin", { ...parts, ollama, runner }, { nodes: names })).images.map(
      ({ nodes }) => nodes,
    );
  t.deepEqual(placed(["one", "two", "three"]), [["two"], undefined]);
  t.deepEqual(placed(["one"]), [["one"], undefined]);
});
