import type { Observation } from "../nodes/observe.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { cardDifference, flashCommand } from "./card-problem.ts";
import { formatDuration } from "./duration.ts";
import type { CardName } from "./stamp.ts";

/** What this machine knows of a card that it wrote. */
interface Written {
  readonly generation: number;
  readonly written: Date;
}

/**
 * The line that a preview prints for a node whose card has to be written, or may have to be, and why; undefined where there is
 * nothing to do about a card.
 * - "pi-2: write its card (generation 2; the board runs generation 1): npm run flash -- barn pi-2"
 * - "pi-1: no answer on 10.0.0.11:22; if its card is not written yet: npm run flash -- barn pi-1"
 * @param plan.expected undefined for an adopted node
 * @param plan.written the last card that this machine wrote for the node
 */
export function cardPlan(plan: {
  readonly stack: string;
  readonly node: string;
  readonly expected: CardName | undefined;
  readonly observation: Observation;
  readonly written: Written | undefined;
  readonly now: Date;
}): string | undefined {
  const { stack, node, expected, observation, written, now } = plan;
  if (expected === undefined) return undefined;
  const flash = flashCommand(stack, node);
  const write = (why: string) => `${node}: write its card (generation ${expected.generation}; ${why}): ${flash}`;
  const fresh =
    written?.generation === expected.generation
      ? `its card (generation ${written.generation}) was written ${age(written, now)}: put it into the board and switch it on`
      : undefined;
  if (!(observation instanceof NodeUnavailable)) {
    const difference = cardDifference(expected, observation.stamp);
    if (difference === undefined) return undefined;
    return fresh === undefined ? write(difference) : `${node}: ${difference}; ${fresh}`;
  }
  if (observation.hop === "bastion") return undefined;
  const { what, reason } = observation;
  if (fresh !== undefined) return `${node}: ${what}; ${fresh}`;
  if (reason === "host-key") return write(what);
  return `${node}: ${what}; if its card is not written yet: ${flash}`;
}

/** What is said while a node is waited for: "pi-2: no answer on 10.77.0.12:22 for 40 s, card written 3 min ago". */
export function waitingLine(waiting: {
  readonly node: string;
  readonly what: string;
  readonly seconds: number;
  readonly card: CardName | undefined;
  readonly written: Written | undefined;
  readonly now: Date;
}): string {
  const { node, what, seconds, card, written, now } = waiting;
  const when =
    written !== undefined && written.generation === card?.generation ? `, card written ${age(written, now)}` : "";
  return `${node}: ${what} for ${formatDuration(seconds)}${when}`;
}

function age(card: Written, now: Date): string {
  return `${formatDuration((now.getTime() - card.written.getTime()) / 1000)} ago`;
}
