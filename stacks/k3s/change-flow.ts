import { kubectlAmong } from "./live-server.ts";
import type { NodeReport } from "../nodes/facts.ts";
import { withoutMeasurements } from "../nodes/measuring-lease.ts";
import { observe } from "../nodes/observe.ts";
import { applyOn, sendArtefacts } from "../remote/apply-phase.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { UserError } from "../user-error.ts";
import { bringAgentIn, bringServerIn, hasSnapshot } from "./bring-in.ts";
import { renewalReason } from "./certificate-renewal.ts";
import type { ChangeInput } from "./change-input.ts";
import { drained, takePodsAgain } from "./drain.ts";
import { handOverLeadership } from "./hand-over.ts";
import { asRoot, lookSeconds } from "./on-node.ts";
import { placePath, restoreDirectory, unitName } from "./paths.ts";
import { restartNeeded } from "./restart-needed.ts";
import { holdsSlot, withSlot } from "./slots.ts";
import { findKubectl, serversToAsk, startK3s } from "./start-k3s.ts";

/**
 * Brings K3s on a node to what its phase asks: a node that is new is taken into the cluster, one that is in it is changed when its
 * turn comes. Ends when the node is Ready.
 * @returns one line that says what it did
 */
export async function changeNode(input: ChangeInput): Promise<string> {
  const { endpoint, phase, role } = input;
  const own = await observe(endpoint, lookSeconds);
  if (own instanceof NodeUnavailable) throw own;
  if (own.k3s.unit === "failed") await asRoot(endpoint, ["systemctl", "reset-failed", unitName(role)]);
  // Over a thin link this takes longer than all else: nobody waits for it, drained or holding a slot.
  if (own.k3s.hasData) await sendArtefacts(phase, applyOn(endpoint));
  const snapshot = role === "server" && (await hasSnapshot(endpoint));
  const line =
    own.k3s.hasData && !snapshot
      ? await changeMember(input, own)
      : role === "server"
        ? await bringServerIn(input, own, snapshot)
        : await bringAgentIn(input);
  // It has data from now on: what it was told for its first start must not meet a later token.
  await asRoot(endpoint, ["rm", "-rf", placePath, restoreDirectory]);
  return line;
}

/** Changes K3s on a node that is in the cluster. */
async function changeMember(input: ChangeInput, own: NodeReport): Promise<string> {
  const { endpoint, role, version, maxUnavailable, drainSeconds, phase } = input;
  const { node } = endpoint;
  const { restart, binary } = restartNeeded(phase, own.records);
  // K3s renews its certificates when it starts.
  const due = renewalReason(own.k3s, new Date()) !== undefined;
  const start = { restarts: restart, again: due && !restart };
  // A cluster that does not answer has nobody to be careful of: the change may be what it needs.
  if ((await findKubectl(input)) === undefined) return await startK3s(input, start);
  const api = kubectlAmong(serversToAsk(input));
  const runs = own.k3s.unit === "active";
  // A change that was cut off, or failed, still holds its slot, and goes on here.
  if (!(runs && (restart || due)) && !(await holdsSlot(api, { kind: role, node }))) {
    const line = await startK3s(input, start);
    await takePodsAgain(api, node);
    return line;
  }
  const change = async () => {
    if (role === "server") await handOverLeadership(input);
    return await startK3s(input, start);
  };
  const line = await withSlot(api, { kind: role, node, count: role === "server" ? 1 : maxUnavailable }, () =>
    withoutMeasurements(
      api,
      node,
      () => (binary ? drained(() => Promise.resolve(api), node, drainSeconds, change) : change()),
      { reason: "its K3s has to be restarted", group: "k3s" },
    ),
  );
  await takePodsAgain(api, node).catch(ignoreUserError);
  const before = own.k3s.version;
  return before !== null && before !== version ? `${line}; was ${before}` : line;
}

/** The change is done; a cordon that stays is lifted by the next one, and doctor tells of it. */
function ignoreUserError(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
}
