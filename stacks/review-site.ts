import * as pulumi from "@pulumi/pulumi";
import { cardContent } from "./cards/card-content.ts";
import { cardPlan } from "./cards/card-plan.ts";
import { staleParts, staleWarning } from "./cards/card-problem.ts";
import { asStamp, cardOf } from "./cards/stamp.ts";
import { findWrittenCard } from "./cards/written-cards.ts";
import { nodeOf, type Site } from "./config/site.ts";
import type { SiteKeys } from "./keys/site-keys.ts";
import { authorityDigest } from "./nodes/cluster-authority.ts";
import { mismatchError, siteProblems } from "./nodes/expectations.ts";
import type { NodeReport } from "./nodes/facts.ts";
import { ineffectiveSettings } from "./nodes/ineffective-settings.ts";
import type { Observation } from "./nodes/observe.ts";
import { describeSupply } from "./nodes/power-supply.ts";
import { describeThrottling } from "./nodes/throttling.ts";
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
  const problems = siteProblems(site, observations, authorityDigest(keys.authorities["server-ca"].certificate));
  if (problems.length > 0) throw mismatchError(site, problems);
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

/** What a person should know of a board that works all the same. */
function conditionOf(site: Site, node: string, { facts, health }: NodeReport): string[] {
  return [
    ...ineffectiveSettings(site, node, facts),
    ...describeSupply(facts, health),
    ...describeThrottling(health.throttled ?? 0),
  ];
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
