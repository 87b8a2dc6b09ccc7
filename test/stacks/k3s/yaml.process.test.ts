import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { parse } from "yaml";
import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { renderConfig, renderRegistration } from "../../../stacks/k3s/config-file.ts";
import { renderKubeVip } from "../../../stacks/k3s/kube-vip.ts";
import { renderPlace } from "../../../stacks/k3s/place-file.ts";
import { renderRegistries } from "../../../stacks/k3s/registries-file.ts";
import { testWithTools } from "../../with-tools.ts";
import { arbitraryCluster } from "./arbitrary-cluster.ts";
import { configFacts, expectedConfig, expectedRegistration, registrationFacts } from "./config-facts.ts";
import { exampleTokens, validSite } from "./valid-site.ts";

const placeTokens = { short: "0".repeat(32), pinned: "K10aa::server:token" };

/** What a reader of YAML 1.1 makes of texts: K3s has one too (gopkg.in/yaml.v2). */
function readWithPyYaml(texts: readonly string[]): unknown[] {
  const program = "import json,sys,yaml; print(json.dumps([yaml.safe_load(text) for text in json.load(sys.stdin)]))";
  const input = JSON.stringify(texts);
  return JSON.parse(execFileSync("python3", ["-c", program], { input, encoding: "utf8" })) as unknown[];
}

/** All of K3s's YAML files for a node. */
function filesOf(site: Site, node: string): string[] {
  return [
    renderConfig(site, node, exampleTokens),
    renderRegistration(site, node),
    renderRegistries(site),
    renderKubeVip(site),
    renderPlace({ kind: "founds" }, placeTokens),
    renderPlace({ kind: "joins", through: nodeOf(site, node).address }, placeTokens),
  ].filter((text) => text !== undefined);
}

testWithTools(
  ["python3:yaml"],
  "YAML's two versions read the same from every file of a site with every setting",
  (t) => {
    for (const name of ["site-minimal", "site-three-servers", "site-k3s-everything"] as const) {
      const texts = [...new Set(Object.keys(validSite(name).nodes).flatMap((node) => filesOf(validSite(name), node)))];
      t.deepEqual(
        readWithPyYaml(texts),
        texts.map((text) => parse(text, { version: "1.2" }) as unknown),
      );
    }
  },
);

testWithTools(["python3:yaml"], "any valid site's files come out of YAML 1.1 as they went in", (t) => {
  // The first is a server, the last an agent.
  const given = fc.sample(arbitraryCluster, 20).flatMap((site) => ["pi-1", "pi-5"].map((node) => ({ site, node })));
  const configs = readWithPyYaml(given.map(({ site, node }) => renderConfig(site, node, exampleTokens)));
  const registrations = readWithPyYaml(given.map(({ site, node }) => renderRegistration(site, node) ?? "{}"));
  const registries = given.map(({ site }) => renderRegistries(site) ?? "{}");
  for (const [index, { site, node }] of given.entries()) {
    t.deepEqual(configFacts(configs[index]), expectedConfig(site, node));
    t.deepEqual(registrationFacts(registrations[index]), expectedRegistration(site, node));
  }
  t.deepEqual(
    readWithPyYaml(registries),
    registries.map((text) => parse(text, { version: "1.2" }) as unknown),
  );
});
