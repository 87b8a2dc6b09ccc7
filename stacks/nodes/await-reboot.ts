import { setTimeout as sleep } from "node:timers/promises";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { UserError } from "../user-error.ts";
import type { NodeReport } from "./facts.ts";

/** How often the reason for waiting is said, in seconds. */
const reportEverySeconds = 10;

/**
 * Waits until a node that was told to reboot has done so: another boot, cloud-init at its end, and K3s running again where it ran.
 * @param observe reads the node; replaced in tests
 * @param before what it said last
 * @param seconds to wait at most
 * @param say prints the reason for waiting
 * @throws UserError when time is up
 */
export async function awaitReboot(
  observe: () => Promise<NodeReport | NodeUnavailable>,
  before: NodeReport,
  { node, seconds, say }: { readonly node: string; readonly seconds: number; readonly say: (line: string) => void },
): Promise<NodeReport> {
  const start = performance.now();
  const waited = () => Math.round((performance.now() - start) / 1000);
  for (let reported = 0; ;) {
    const observation = await observe();
    const reason = observation instanceof NodeUnavailable ? observation.what : unfinished(before, observation);
    if (reason === undefined && !(observation instanceof NodeUnavailable)) return observation;
    if (waited() >= seconds)
      throw new UserError({
        what: `told to reboot, after ${seconds} s still ${reason ?? ""}`,
        where: node,
        next: "look at its screen or power it off and on, then run `pulumi up` again; a slow board needs a longer timeouts.boot",
      });
    if (waited() >= reported + reportEverySeconds) {
      reported = waited();
      say(`${node}: rebooting, ${reason ?? ""} for ${reported} s`);
    }
    await sleep(1000);
  }
}

/** What a node has not done yet of its reboot, or undefined. */
function unfinished(before: NodeReport, { health, k3s }: NodeReport): string | undefined {
  if (health.boot === before.health.boot) return "not down yet";
  if (health.booted === false) return "cloud-init at work";
  if (before.k3s.unit === "active" && k3s.unit !== "active") return `K3s ${k3s.unit ?? "gone"}`;
  return undefined;
}
