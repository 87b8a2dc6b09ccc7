import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import {
  clusterProvider,
  Experiment,
  parseExperiment,
  parseSite,
  planExperiment,
  planSite,
  readSiteSecrets,
  Site,
} from "bramble";
import { openSealedRun, resultsLayout, summarize } from "bramble/results";

const config = new pulumi.Config("bramble");

/** Who answers for the cluster stands on every object in it. */
const owned: pulumi.ResourceTransform = ({ type, props, opts }) => {
  if (!type.startsWith("kubernetes:")) return undefined;
  const { metadata = {} } = props;
  return { props: { ...props, metadata: { ...metadata, labels: { ...metadata.labels, owner: "farm" } } }, opts };
};

const farm = new pulumi.ComponentResource("farm:index:Farm", "farm");
const here = new command.Provider("here", {}, { parent: farm });
const power = new command.local.Command("power", { create: "true" }, { parent: farm, provider: here });

// What was seen on the boards, and is wrong with them, is said before anything changes.
const barn = await planSite(parseSite(pulumi.getStack(), config.requireObject("site")), await readSiteSecrets(config));
const site = new Site("barn", barn, {
  parent: farm,
  // Earlier, this site was not part of a farm: its cluster stays as it is.
  aliases: [{ parent: pulumi.rootStackResource }],
  dependsOn: power,
  protect: true,
  providers: [here],
  transforms: [owned],
});

const threads = site.forExperiment("threads-4");
const experiment = new Experiment(
  "threads-4",
  planExperiment(
    parseExperiment("threads-4", {
      site: "barn",
      models: { llama: { reference: "llama3.2:1b", digest: `sha256:${"c".repeat(64)}` } },
      images: { ollama: "docker.io/ollama/ollama:0.17.4", runner: "docker.io/library/node:24-slim" },
      nodes: { models: ["pi-2"], runner: "pi-1" },
      variants: { threads: [4] },
      scenarios: { "field-report": { prompts: "field-report", maxTokens: 64 } },
    }),
    threads,
  ),
  { parent: farm, dependsOn: site, providers: [here, clusterProvider("threads-4", threads)], transforms: [owned] },
);

// What came of an experiment that was measured, collected and sealed before.
const summaries = summarize(await openSealedRun(resultsLayout(), "threads-1"));

export const kubeconfig = site.outputs.kubeconfig;
export const { runId } = experiment.outputs;
export const tokensPerSecond = summaries.map(({ variant, scenario, decodeRate }) => ({
  variant,
  scenario,
  decodeRate,
}));
