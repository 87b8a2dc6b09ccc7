// Never run: what TypeScript must refuse of a program that uses the package. Were a type lost, nothing would be refused.
import { parseExperiment, Site, type ExperimentSite } from "bramble";
import { summarize, type SealedRun } from "bramble/results";

export function misuse(run: SealedRun, threads: ExperimentSite): void {
  // @ts-expect-error: a site is made from what planSite makes of a configuration
  new Site("barn", { config: {} });
  // @ts-expect-error: a figure may be missing
  summarize(run).map(({ decodeRate }) => decodeRate.toFixed(1));
  // @ts-expect-error: a number of threads
  parseExperiment("threads-1", {}).variants.threads.push("4");
  // @ts-expect-error: an Output
  threads.kubeconfig.split("\n");
}
