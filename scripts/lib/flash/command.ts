import { parseArgs } from "node:util";
import type { Site } from "../../../stacks/config/site.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Session } from "../main.ts";
import { describeCandidates } from "./candidates.ts";
import { flashCard, type FlashJob, type FlashOptions } from "./flash-card.ts";
import { flashSite } from "./flash-site.ts";
import { prepareCards } from "./prepare-cards.ts";
import { Progress } from "./progress.ts";
import { lastingRefusals, throwRefusals, useRefusals } from "./refusals.ts";
import type { SiteStack } from "../site-stack.ts";
import { thisMachine, type Surroundings } from "./surroundings.ts";
import { absentDevice, findDisk, findTarget, readCard } from "./target.ts";

const usage = `Usage: npm run flash -- <stack> <node> --to <device or file> [--replace] [--size-ok] [--yes]
       npm run flash -- <stack> --all [--to <device>] [--replace] [--size-ok] [--yes]

Writes a node's card: the site's base image with the node's identity, network and keys. What was written is read back and
compared. A card that is written already is left alone. Linux only.
  --to       the disk, by a name under /dev/disk/by-id or by-path, or a file; without it, what there is is listed
  --all      every node's card, one after the other; waits for each to be inserted
  --replace  write over the card of another node, or over a file that is no card
  --size-ok  write to a disk of more than 256 GiB, for example an NVMe disk
  --yes      do not ask for the node's name
Exit codes: 0 the card is written, or was already; 1 an error, and nothing says that the card is done
`;

/** `npm run flash`, with these arguments. */
export async function flash(
  args: readonly string[],
  { signal }: Session,
  surroundings: Surroundings = thisMachine,
): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      to: { type: "string" },
      all: { type: "boolean", default: false },
      replace: { type: "boolean", default: false },
      "size-ok": { type: "boolean", default: false },
      yes: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    surroundings.terminal.output.write(usage);
    return;
  }
  if (surroundings.platform !== "linux")
    throw new UserError({
      what: "cards are written on Linux only",
      where: surroundings.platform,
      next: "run it on a Linux machine with a card reader",
    });
  const options = { replace: values.replace, sizeOk: values["size-ok"], yes: values.yes };
  const [stack, node, ...others] = positionals;
  if (stack === undefined || others.length > 0 || (node === undefined) !== values.all)
    throw new UserError({
      what: `name a stack and ${values.all ? "no node with --all" : "one node"}`,
      next: "npm run flash -- <stack> <node>, or --help",
    });
  if (node === undefined) await flashAll(stack, values.to, options, signal, surroundings);
  else await flashNode(stack, node, values.to, options, signal, surroundings);
}

async function flashNode(
  stack: string,
  node: string,
  to: string | undefined,
  options: FlashOptions,
  signal: AbortSignal,
  surroundings: Surroundings,
): Promise<void> {
  const site = await surroundings.readSiteStack(stack);
  refuseUnknown(site.site, node, stack);
  if (to === undefined) throw await noTarget(stack, site.site, node, options, surroundings);
  // What no other card would change is told before an image is fetched for half an hour.
  const disks = await surroundings.readDisks();
  const target = await findTarget(to, disks);
  if (target.kind === "absent device") throw absentDevice(target.to);
  if (target.kind === "device") {
    const disk = findDisk(disks, target.path);
    if (disk === undefined) throw absentDevice(target.to);
    const named = { to: target.to, systemKnown: disks.systemKnown };
    throwRefusals([...lastingRefusals(disk, named), ...useRefusals(disk, named)]);
  }
  for (const job of await prepareJobs(site, [node], options, signal, surroundings))
    await flashCard(job, target, surroundings);
  surroundings.terminal.output.write(
    target.kind === "file"
      ? `  Next: copy it to a card, or boot it; then npm run up -- ${stack}\n`
      : `  Next: put it into ${node} and power it on; then npm run up -- ${stack}\n`,
  );
}

async function flashAll(
  stack: string,
  to: string | undefined,
  options: FlashOptions,
  signal: AbortSignal,
  surroundings: Surroundings,
): Promise<void> {
  const { output } = surroundings.terminal;
  const site = await surroundings.readSiteStack(stack);
  const adopted = Object.keys(site.site.nodes).filter((node) => isAdopted(site.site, node));
  const nodes = Object.keys(site.site.nodes).filter((node) => !isAdopted(site.site, node));
  for (const node of adopted) output.write(`${node}: was adopted, so its card is its own\n`);
  const jobs = await prepareJobs(site, nodes, options, signal, surroundings);
  const written = await flashSite(jobs, to, surroundings);
  output.write(`${stack}: all ${nodes.length} cards are written, ${written.length} of them now\n`);
  output.write(`  Next: put them into their boards and power them on; then npm run up -- ${stack}\n`);
}

async function prepareJobs(
  site: SiteStack,
  nodes: readonly string[],
  options: FlashOptions,
  signal: AbortSignal,
  surroundings: Surroundings,
): Promise<FlashJob[]> {
  const progress = new Progress(surroundings.terminal.output);
  const cards = await prepareCards(site, nodes, surroundings, progress, signal);
  return cards.map((card) => ({ ...card, options, signal }));
}

function refuseUnknown(site: Site, node: string, stack: string): void {
  const where = `Pulumi.${stack}.yaml`;
  if (!Object.hasOwn(site.nodes, node))
    throw new UserError({
      what: `site ${site.name} has no node ${node}`,
      where,
      next: `name one of ${Object.keys(site.nodes).join(", ")}`,
    });
  if (isAdopted(site, node))
    throw new UserError({
      what: `${node} was adopted (it has a hostKey of its own), so no card is written for it`,
      where,
      next: `to give it a card of Bramble's, remove its hostKey and raise its generation`,
    });
}

function isAdopted(site: Site, node: string): boolean {
  return site.nodes[node]?.hostKey !== undefined;
}

/** The error for a missing `--to`, which lists what it could be. */
async function noTarget(
  stack: string,
  site: Site,
  node: string,
  options: FlashOptions,
  surroundings: Surroundings,
): Promise<UserError> {
  const { disks, systemKnown } = await surroundings.readDisks();
  const whole = disks.filter(({ parent }) => parent === undefined);
  const read = await Promise.all(whole.map((disk) => readCard(disk, surroundings)));
  const list = describeCandidates({ disks: read, systemKnown }, { site: site.name, node, bytes: undefined }, options);
  return new UserError({
    what: `it is not said where to write the card of ${node} to\n${list}`,
    next: `npm run flash -- ${stack} ${node} --to <one of these, or a file>`,
  });
}
