import type { NodeReport } from "../nodes/facts.ts";
import { UserError } from "../user-error.ts";
import { formatStamp, parseStamp, type Stamp } from "./stamp.ts";

/**
 * What is wrong with the card that a node runs, or undefined.
 * @returns an error that says which card must be written, or what must change on it
 */
export function cardProblem(expected: Stamp, report: Pick<NodeReport, "stamp" | "facts">): UserError | undefined {
  const { node } = expected;
  const found = parseStamp(JSON.stringify(report.stamp));
  const problem = (what: string, next: string) => new UserError({ what, where: node, next });
  const write = `write the card of ${node} and boot it`;
  if (found === undefined) return problem("its card has no stamp of Bramble's", write);
  if (found.site !== expected.site || found.node !== node)
    return problem(
      `runs the card of ${found.node} in site ${found.site}`,
      `put the right card into the board, or ${write}`,
    );
  if (found.generation !== expected.generation)
    return problem(
      `runs a card of generation ${found.generation}; the configuration says ${expected.generation}`,
      write,
    );
  if (formatStamp(found) !== formatStamp(expected))
    return problem(
      `its card was made from another base image or seed (${found.digest.slice(0, 8)}; the configuration gives ${expected.digest.slice(0, 8)})`,
      `${write}, or take back the change of image, network or user`,
    );
  if (report.facts.cgroup?.memory === false)
    return problem(
      "its kernel cannot limit memory, so K3s cannot start",
      "add cgroup_enable=memory to the one line of cmdline.txt on its boot partition and reboot it",
    );
  return undefined;
}
