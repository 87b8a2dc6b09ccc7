import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { modelRegistryOf, modelSourceOf } from "../../../stacks/config/model-registry.ts";
import { parseSite } from "../../../stacks/config/parse.ts";
import { root } from "../../../stacks/root.ts";

const text = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
const { config } = parse(text) as { config: { "bramble:site": object } };
const site = (change: object) => parseSite("barn", { ...config["bramble:site"], ...change });
const registry = { node: "pi-1", images: { registry: "registry:3", nginx: "nginx:1.28" } };

test("models come from where their names point, from a registry on the network, or from the site's own", (t) => {
  t.is(modelRegistryOf(site({})), undefined);
  t.is(modelRegistryOf(site({ modelRegistry: "192.168.7.2:5000" })), "192.168.7.2:5000");
  t.is(modelRegistryOf(site({ registry: { ...registry, port: 5005 } })), "192.168.7.11:5005");
});

test("this machine asks the original of a copy, which is there before the site", (t) => {
  t.is(modelSourceOf(site({})), undefined);
  t.is(modelSourceOf(site({ modelRegistry: "192.168.7.2:5000" })), "http://192.168.7.2:5000");
  t.is(modelSourceOf(site({ registry })), "http://192.168.7.11:5000");
  t.is(
    modelSourceOf(site({ registry: { ...registry, upstream: "https://models.example.org" } })),
    "https://models.example.org",
  );
});
