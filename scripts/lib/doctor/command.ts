import { join } from "node:path";
import { parseArgs } from "node:util";
import { readBundle, takeFromBundle } from "../../../stacks/config/bundle.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { findLiveServer } from "../../../stacks/k3s/live-server.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { observe } from "../../../stacks/nodes/observe.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { TerminalOutput } from "../ask.ts";
import { wrap } from "../results/format.ts";
import { readSiteStack, type SiteStack } from "../site-stack.ts";
import { describeCluster, describeNodes } from "./cluster-findings.ts";
import { countFindings } from "./finding.ts";
import { findings } from "./findings.ts";
import { findNewestBackup, lookAtCluster, lookAtNodes, type Eyes } from "./look.ts";
import { withoutSecrets } from "./redact.ts";
import type { Seen } from "./seen.ts";
import { readStack } from "./stack.ts";
import { renderFindings } from "./table.ts";

const usage = `Usage: npm run doctor -- <stack> [--json]

Looks at a site's nodes, its cluster and its stack, and prints what is amiss, worst first, each with what to do. Changes nothing.
  --json  the same as JSON
Exit codes: 0 nothing is wrong (there may be warnings and notes); 1 something is wrong, or an error kept it from looking
`;

/** What doctor needs of the world outside. */
export interface Surroundings extends Eyes {
  readonly output: TerminalOutput;
  readonly readSiteStack: typeof readSiteStack;
  readonly readStack: typeof readStack;
  /** The site with what its bundle has. Digests are not compared: that takes long, and an update does it. */
  readonly takeBundle: (site: Site) => Site;
  /** When the newest backup of a site on this machine was taken. */
  readonly findNewestBackup: (site: string) => Promise<Date | undefined>;
  readonly now: () => Date;
}

export const thisMachine: Surroundings = {
  output: process.stdout,
  readSiteStack,
  readStack,
  takeBundle: (site) => takeFromBundle(site, readBundle(site.name)).site,
  observe,
  findLiveServer,
  findNewestBackup: (site) => findNewestBackup(site, join(root, "backups")),
  now: () => new Date(),
};

/**
 * `npm run doctor`, with these arguments.
 * @returns the exit code
 */
export async function doctor(args: readonly string[], surroundings: Surroundings = thisMachine): Promise<number> {
  const { output } = surroundings;
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    output.write(usage);
    return 0;
  }
  const [stack, ...others] = positionals;
  if (stack === undefined || others.length > 0)
    throw new UserError({ what: "name one site's stack", next: "npm run doctor -- <stack>, or --help" });
  const configured = await surroundings.readSiteStack(stack);
  const { site, bundleProblem } = withBundle(configured.site, surroundings);
  const seen = { ...(await look(stack, configured, surroundings)), bundleProblem };
  const found = withoutSecrets(findings(site, seen), secretsOf(configured, seen));
  const wrong = found.some(({ severity }) => severity === "wrong");
  const lookedAt = [describeNodes(seen), describeCluster(seen), "the stack's state and lock", "the backups here"];
  if (values.json)
    output.write(`${JSON.stringify({ stack, site: configured.site.name, lookedAt, findings: found }, null, 2)}\n`);
  else {
    const summary = `${stack}: ${wrong ? "" : "nothing is wrong; "}${countFindings(found)}. Looked at ${lookedAt.join(", ")}.`;
    output.write(
      [renderFindings(found), `${wrap(summary, 100, "  ").join("\n")}\n`].filter((part) => part !== "").join("\n"),
    );
  }
  return wrong ? 1 : 0;
}

function withBundle(site: Site, { takeBundle }: Surroundings): { site: Site; bundleProblem: UserError | undefined } {
  try {
    return { site: takeBundle(site), bundleProblem: undefined };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { site, bundleProblem: error };
  }
}

async function look(
  stack: string,
  { site, rootSecret, wifiPassword }: SiteStack,
  surroundings: Surroundings,
): Promise<Omit<Seen, "bundleProblem">> {
  const keys = deriveSiteKeys(rootSecret, site);
  const lookAtBoth = async () => {
    const nodes = await lookAtNodes(site, keys, surroundings);
    return { nodes, cluster: await lookAtCluster(site, keys, nodes, surroundings) };
  };
  const [{ nodes, cluster }, stackSeen, newestBackup] = await Promise.all([
    lookAtBoth(),
    surroundings.readStack(stack),
    surroundings.findNewestBackup(site.name),
  ]);
  return {
    stackName: stack,
    now: surroundings.now(),
    keys,
    wifiPassword,
    nodes,
    cluster,
    stack: stackSeen,
    newestBackup,
  };
}

/** What must not stand in the output, whatever journals and messages say. */
function secretsOf({ site, rootSecret, wifiPassword }: { site: Site } & SiteStack, { keys }: Seen): string[] {
  return [
    rootSecret,
    ...(wifiPassword === undefined ? [] : [wifiPassword]),
    ...keys.tokens.map(({ server }) => server),
    keys.agentToken,
    ...Object.keys(site.nodes).map((node) => keys.nodePassword(node)),
  ];
}
