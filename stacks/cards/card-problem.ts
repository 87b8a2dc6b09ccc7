import type { NodeReport } from "../nodes/facts.ts";
import { UserError } from "../user-error.ts";
import { partsKeptUp } from "./card-parts.ts";
import { asStamp, type CardName, type Stamp } from "./stamp.ts";

/** How a person writes a node's card. The script goes by the stack's name, which need not be the site's. */
export function flashCommand(stack: string, node: string): string {
  return `npm run flash -- ${stack} ${node}`;
}

/**
 * Why a node needs another card than the one it runs, or undefined. Only site, node and generation count: a seed or image that
 * changed since never asks for a card.
 * @returns "the board runs generation 1"
 */
export function cardDifference(expected: CardName, stamp: unknown): string | undefined {
  const found = asStamp(stamp);
  if (found === undefined) return "the board's card has no stamp of Bramble's";
  if (found.site !== expected.site || found.node !== expected.node)
    return `the board runs the card of ${found.node} in site ${found.site}`;
  return found.generation === expected.generation ? undefined : `the board runs generation ${found.generation}`;
}

/**
 * What is wrong with the card that a node runs, or undefined.
 * @param expected undefined for an adopted node, which has no card of Bramble's
 */
export function cardProblem(
  at: { readonly stack: string; readonly node: string; readonly expected: CardName | undefined },
  report: Pick<NodeReport, "stamp" | "facts">,
): UserError | undefined {
  const { stack, node, expected } = at;
  const difference = expected && cardDifference(expected, report.stamp);
  if (difference !== undefined)
    return new UserError({
      what: `needs its card of generation ${expected?.generation ?? 1}: ${difference}`,
      where: node,
      next: `put the right card into the board, or write it: ${flashCommand(stack, node)}`,
    });
  if (report.facts.cgroup?.memory === false)
    return new UserError({
      what: "its kernel cannot limit memory, so K3s cannot start",
      where: node,
      next: "add cgroup_enable=memory to the one line of cmdline.txt on its boot partition and reboot it",
    });
  return undefined;
}

/**
 * The parts in which the configuration gives another card than the one that runs, at the same generation, and that nothing but a
 * new card changes. Parts that only one of the two knows (another version of Bramble wrote it) are passed over.
 * @param expected as `cardContent` gives it for the system of the card that runs
 * @returns names for people: "network", "time zone"
 */
export function staleParts(expected: Stamp, found: Stamp): string[] {
  if (cardDifference(expected, found) !== undefined) return [];
  return Object.entries(expected.parts)
    .filter(([name, digest]) => (found.parts[name] ?? digest) !== digest && !partsKeptUp.includes(name))
    .map(([name]) => name);
}

/** What to say of stale parts, once. */
export function staleWarning(stack: string, card: CardName, parts: readonly string[]): string {
  const { node, generation } = card;
  return `${node}: its card was made with another ${parts.join(", ")}, and stays as it is; to take that up, raise nodes.${node}.generation to ${generation + 1} and write the card: ${flashCommand(stack, node)}`;
}
