import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { z } from "zod";
import { cardContent } from "../stacks/cards/card-content.ts";
import type { System } from "../stacks/cards/system.ts";
import { parseStackConfig, type StackConfig } from "../stacks/config/parse.ts";
import { deriveSiteKeys } from "../stacks/keys/site-keys.ts";
import { root } from "../stacks/root.ts";
import { loadPromptSet } from "../workloads/prompts/prompt-set.ts";
import { exampleRootSecret } from "./stacks/keys/example.ts";

const examples = join(root, "examples");
const stackFile = z.strictObject({
  config: z.strictObject({ "bramble:site": z.unknown(), "bramble:experiment": z.unknown() }).partial(),
});

/** The system that each folder's image holds. */
const systemOf: Readonly<Record<string, System>> = { "raspberry-pi-os": "raspberry-pi-os", ubuntu: "ubuntu" };

interface Example {
  readonly folder: string;
  readonly stack: string;
  readonly config: StackConfig;
}

const all: Example[] = readdirSync(examples).flatMap((folder) =>
  readdirSync(join(examples, folder)).map((name) => {
    const stack = /^Pulumi\.([a-z0-9-]+)\.yaml$/.exec(name)?.[1] ?? "";
    const { config } = stackFile.parse(parse(readFileSync(join(examples, folder, name), "utf8")));
    const keys = { site: config["bramble:site"], experiment: config["bramble:experiment"] };
    return { folder, stack, config: parseStackConfig(stack, keys) };
  }),
);
const sites = all.flatMap(({ config, ...example }) =>
  config.kind === "site" ? [{ ...example, site: config.site }] : [],
);
const experiments = all.flatMap(({ config, ...example }) =>
  config.kind === "experiment" ? [{ ...example, experiment: config.experiment }] : [],
);

test("there is a site of three boards for each system, and two experiments to compare", (t) => {
  t.deepEqual(
    sites.map(({ folder, stack }) => `${folder} ${stack}`),
    ["raspberry-pi-os barn", "ubuntu orchard"],
  );
  for (const { site } of sites) t.is(Object.keys(site.nodes).length, 3);
  t.deepEqual(
    experiments.map(({ stack }) => stack),
    ["barn-threads-1", "barn-threads-4"],
  );
});

for (const { folder, site } of sites)
  for (const node of Object.keys(site.nodes))
    test(`${folder}: the card of ${node} can be rendered, the same each time`, (t) => {
      const render = () => {
        const keys = deriveSiteKeys(exampleRootSecret, site);
        const wifiPassword = site.network.wifi === undefined ? undefined : "an example password";
        return cardContent({ site, node, keys, system: systemOf[folder] ?? "raspberry-pi-os", wifiPassword });
      };
      const { stamp, files } = render();
      t.like(stamp, { site: site.name, node, generation: site.nodes[node]?.generation });
      t.true(String(files["user-data"]).startsWith("#cloud-config\n"));
      const network = String(files["network-config"]);
      if (site.network.method === "static") t.true(network.includes(`${String(site.nodes[node]?.address)}/24`));
      t.deepEqual([render().stamp, render().files], [stamp, files]);
    });

for (const { stack, experiment } of experiments)
  test(`${stack}: its site, nodes and prompts are there, and its site lets it in`, (t) => {
    const site = sites.find((candidate) => candidate.stack === experiment.site)?.site;
    t.true(site?.experiments.includes(stack));
    for (const node of Object.values(experiment.nodes).flat()) t.true(Object.hasOwn(site?.nodes ?? {}, node), node);
    for (const { prompts } of Object.values(experiment.scenarios)) t.true(loadPromptSet(prompts ?? "").length > 0);
  });

test("the experiments differ in what they compare only", (t) => {
  const [one, other] = experiments.map(({ experiment }) => ({
    ...experiment,
    variants: { ...experiment.variants, threads: [] },
  }));
  t.deepEqual(one, other);
});
