import * as pulumi from "@pulumi/pulumi";
import { cardContent } from "./cards/card-content.ts";
import { cardPlan } from "./cards/card-plan.ts";
import { staleParts, staleWarning } from "./cards/card-problem.ts";
import { asStamp, cardOf } from "./cards/stamp.ts";
import { findWrittenCard } from "./cards/written-cards.ts";
import { nodeOf, serversOf, type Site } from "./config/site.ts";
import { findBudgetWarnings } from "./k3s/budget-warnings.ts";
import { etcdDiskWarning } from "./k3s/etcd-disk.ts";
import { fixedSettingProblems } from "./k3s/fixed-settings.ts";
import { findLiveServer } from "./k3s/live-server.ts";
import { tokenProblem } from "./k3s/token-problem.ts";
import { upgradePlan } from "./k3s/upgrade-plan.ts";
import type { SiteKeys } from "./keys/site-keys.ts";
import { authorityDigest } from "./nodes/cluster-authority.ts";
import { mismatchError, siteProblems } from "./nodes/expectations.ts";
import type { NodeReport } from "./nodes/facts.ts";
import { ineffectiveSettings } from "./nodes/ineffective-settings.ts";
import type { Observation } from "./nodes/observe.ts";
import { describeSupply } from "./nodes/power-supply.ts";
import { describeThrottling } from "./nodes/throttling.ts";
import { endpointOf } from "./remote/site-endpoint.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";

/**
 * Says what was seen on the nodes before anything is made: silent ones, cards to write, cards older than the configuration.
 * @throws UserError with every node that answers and is not what the configuration demands; nothing has been changed then
 */
export async function reviewSite(
  seen: {
    readonly site: Site;
    readonly keys: SiteKeys;
    readonly wifiPassword: string | undefined;
    readonly observations: ReadonlyMap<string, Observation>;
  },
  stack: string,
): Promise<void> {
  const { site, observations, keys } = seen;
  const upgrade = upgradePlan(site, observations);
  const problems = [
    ...siteProblems(site, observations, authorityDigest(keys.authorities["server-ca"].certificate)),
    ...[...observations].flatMap(([node, observation]) =>
      observation instanceof NodeUnavailable
        ? []
        : clusterProblems(site, keys, observation).map((problem) => `${node}: ${problem}`),
    ),
    ...upgrade.refusals,
  ];
  if (problems.length > 0) throw mismatchError(site, problems);
  for (const line of upgrade.lines) void pulumi.log.info(line);
  if (upgrade.lines.length > 0) for (const warning of await budgetWarningsOf(site, keys)) void pulumi.log.warn(warning);
  for (const [node, observation] of observations) {
    if (!(observation instanceof NodeUnavailable))
      for (const warning of conditionOf(site, node, observation)) void pulumi.log.warn(`${node}: ${warning}`);
    const expected = nodeOf(site, node).hostKey === undefined ? cardOf(site, node) : undefined;
    const written = await findWrittenCard(site.name, node);
    const plan = cardPlan({ stack, node, expected, observation, written, now: new Date() });
    if (plan !== undefined) void pulumi.log.warn(plan);
    else if (observation instanceof NodeUnavailable)
      void pulumi.log.warn(`${observation.where}: ${observation.what}; what lies there was not looked at`);
    else if (expected !== undefined) {
      const parts = partsOfAnOlderCard(seen, node, observation.stamp);
      if (parts.length > 0) void pulumi.log.warn(staleWarning(stack, expected, parts));
    }
  }
}

/** Where a node's cluster cannot become what the configuration says. */
function clusterProblems(site: Site, keys: SiteKeys, { k3s }: NodeReport): string[] {
  const token = tokenProblem(keys.tokens, k3s);
  return [...fixedSettingProblems(site, k3s), ...(token === undefined ? [] : [token])];
}

/** What a person should know of a board that works all the same. */
function conditionOf(site: Site, node: string, { facts, health }: NodeReport): string[] {
  const disk = etcdDiskWarning(site, node, facts);
  return [
    ...(disk === undefined ? [] : [disk]),
    ...ineffectiveSettings(site, node, facts),
    ...describeSupply(facts, health),
    ...describeThrottling(health.throttled ?? 0),
  ];
}

/** What will keep a node from being drained, as far as the cluster can be asked now. */
async function budgetWarningsOf(site: Site, keys: SiteKeys): Promise<string[]> {
  const live = await findLiveServer(serversOf(site).map(({ name }) => endpointOf(site, name, keys)));
  return live === undefined ? [] : await findBudgetWarnings(live.kubectl);
}

function partsOfAnOlderCard(
  { site, keys, wifiPassword }: { site: Site; keys: SiteKeys; wifiPassword: string | undefined },
  node: string,
  stamp: unknown,
): string[] {
  const found = asStamp(stamp);
  if (found === undefined) return [];
  return staleParts(cardContent({ site, node, keys, system: found.system, wifiPassword }).stamp, found);
}
