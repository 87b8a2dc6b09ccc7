import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Kubectl } from "../nodes/measuring-lease.ts";
import { UserError } from "../user-error.ts";
import { clock as realClock, type Clock } from "../clock.ts";
import {
  claimSlot,
  clearSlot,
  failureOf,
  holderOf,
  listSlots,
  slotName,
  updateSlot,
  type HeldSlot,
  type SlotKind,
  type SlotLease,
  type SlotState,
} from "./slot-lease.ts";

/** Milliseconds. */
const timing = {
  renew: 10_000,
  /**
   * A holder that was not seen to renew for so long is gone. One that lives may be late by as long as it takes to give up a server
   * that went away and to find another.
   */
  expiry: 120_000,
  /** Each look starts kubectl on a server that has other things to do. */
  look: 3_000,
  /** How long a node whose change failed before may take to begin again in this update. */
  comeBack: 120_000,
  /** Without an answer for so long, waiting for a slot ends with the error. */
  silence: 120_000,
};

/** Who wants a slot, and of how many. */
export interface WantedSlot {
  readonly kind: SlotKind;
  readonly node: string;
  readonly count: number;
}

/**
 * Does `work` on a node while no more than `count` nodes of its kind are being changed: each holds one of so many Leases. A change
 * that failed keeps its slot, so that no other begins; the next update goes on with that node.
 * @param kubectl asks another server when one goes away: the work may take any of them away
 * @throws UserError when another node's change failed
 */
export async function withSlot<T>(
  kubectl: Kubectl,
  wanted: WantedSlot,
  work: () => Promise<T>,
  clock: Clock = realClock,
): Promise<T> {
  const slot = await take(kubectl, wanted, clock);
  // A cluster that was never finished has no namespace for Leases yet, and nobody in it to be careful of.
  if (slot === undefined) return await work();
  const ended = new AbortController();
  const renewal = keepRenewing(kubectl, slot, ended.signal, clock);
  const end = async (state: SlotState) => {
    ended.abort();
    await renewal;
    await insist(kubectl, slot, state, clock);
  };
  let done: T;
  try {
    done = await work();
  } catch (error) {
    await end({ failed: reasonOf(error, slot.node) });
    throw error;
  }
  await end("free");
  return done;
}

/** Whether a change of the node that failed or was cut off still has its slot. */
export async function holdsSlot(kubectl: Kubectl, { kind, node }: Omit<WantedSlot, "count">): Promise<boolean> {
  return ((await listSlots(kubectl, kind)) ?? []).some((lease) => holderOf(lease) === node);
}

/** What one who waits has seen of the slots so far. */
interface Observer {
  /** When each slot was first seen as it is: a renewal is a new version of it. */
  readonly sightings: Map<string, { readonly resourceVersion: string; readonly since: number }>;
  /** Slots of changes that failed before this one wanted to begin, and have not begun again. */
  failedBefore: ReadonlySet<string> | undefined;
  /** Whether those have had the time to begin again. */
  late: boolean;
  /** Servers are changed in a fixed order: one whose change failed before comes after this one, if at all. */
  readonly inOrder: boolean;
}

async function take(kubectl: Kubectl, { kind, node, count }: WantedSlot, clock: Clock): Promise<HeldSlot | undefined> {
  const names = Array.from({ length: count }, (_, index) => slotName(kind, index));
  const change = randomUUID();
  const observer: Observer = { sightings: new Map(), failedBefore: undefined, late: false, inOrder: kind === "server" };
  const began = clock.now();
  let answered = began;
  const ask = async <T>(question: () => Promise<T>): Promise<{ readonly answer: T } | undefined> => {
    try {
      const answer = await question();
      answered = clock.now();
      return { answer };
    } catch (error) {
      if (clock.now() - answered > timing.silence) throw error;
      // While nobody can ask, nobody can renew.
      observer.sightings.clear();
      return undefined;
    }
  };
  for (let first = true; ; first = false) {
    if (!first) await clock.sleep(timing.look);
    observer.late = clock.now() - began > timing.comeBack;
    const seen = await ask(() => look(kubectl, kind, node, observer, clock));
    if (seen === undefined) continue;
    if (seen.answer === undefined) return undefined;
    const { mine, others, leases } = seen.answer;
    const failed = others.filter((lease) => failureOf(lease) !== undefined);
    const stops = failed.find(({ metadata }) => observer.late || observer.failedBefore?.has(metadata.name) !== true);
    if (stops !== undefined) throw notBegun(node, stops);
    if (failed.length > 0 || others.length >= count) continue;

    const taken = new Set(others.map(({ metadata }) => metadata.name));
    const free = [...mine.map(({ metadata }) => metadata.name), ...names].find(
      (name) => names.includes(name) && !taken.has(name),
    );
    if (free === undefined) continue;
    const slot = { name: free, node, change };
    const old = leases.find(({ metadata }) => metadata.name === free);
    if ((await ask(() => claimSlot(kubectl, slot, old)))?.answer !== true) continue;
    // There were more slots once.
    for (const lease of mine) if (lease.metadata.name !== free) await ask(() => clearSlot(kubectl, lease));
    return slot;
  }
}

/** The slots as they are now: this node's own, and those that others hold; undefined where there can be none yet. */
async function look(
  kubectl: Kubectl,
  kind: SlotKind,
  node: string,
  observer: Observer,
  clock: Clock,
): Promise<{ leases: SlotLease[]; mine: SlotLease[]; others: SlotLease[] } | undefined> {
  const leases = await listSlots(kubectl, kind);
  if (leases === undefined) return undefined;
  const failing = leases.filter((lease) => failureOf(lease) !== undefined).map(({ metadata }) => metadata.name);
  const { failedBefore } = observer;
  observer.failedBefore = new Set(failing.filter((name) => failedBefore?.has(name) ?? true));
  const mine = leases.filter((lease) => holderOf(lease) === node);
  const others: SlotLease[] = [];
  for (const lease of leases) {
    const holder = holderOf(lease);
    if (holder === undefined || holder === node) continue;
    if (!(await isOver(kubectl, lease, holder, observer, clock))) others.push(lease);
  }
  return { leases, mine, others };
}

/**
 * Whether a slot is one no more: its holder left the cluster, or was not seen to renew for too long; or its change failed in an
 * earlier update and is not to be waited for: it comes later, or nothing is to be done to it in this update and it is well.
 */
async function isOver(
  kubectl: Kubectl,
  lease: SlotLease,
  holder: string,
  { sightings, failedBefore, late, inOrder }: Observer,
  clock: Clock,
): Promise<boolean> {
  const { name, resourceVersion } = lease.metadata;
  if (failureOf(lease) !== undefined) {
    const condition = await conditionOf(kubectl, holder);
    const unasked = failedBefore?.has(name) === true && (inOrder || (late && condition === "well"));
    return condition === "gone" || unasked;
  }
  const seen = sightings.get(name);
  if (seen?.resourceVersion !== resourceVersion) sightings.set(name, { resourceVersion, since: clock.now() });
  const silent = seen?.resourceVersion === resourceVersion ? clock.now() - seen.since : 0;
  if (silent > timing.expiry) return true;
  return silent > 2 * timing.renew && (await conditionOf(kubectl, holder)) === "gone";
}

const nodeSchema = z.object({
  spec: z.object({ unschedulable: z.boolean().optional() }).optional(),
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }).optional(),
});

/** well: Ready, and takes pods. */
async function conditionOf(kubectl: Kubectl, node: string): Promise<"gone" | "well" | "away"> {
  const { code, stdout, stderr } = await kubectl(["get", "node", node, "--output=json"]);
  if (stderr.includes("(NotFound)")) return "gone";
  if (code !== 0) throw new Error(`the Node ${node} cannot be read: ${stderr.trim()}`);
  const { spec, status } = nodeSchema.parse(JSON.parse(stdout));
  const ready = (status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
  return ready && spec?.unschedulable !== true ? "well" : "away";
}

function notBegun(node: string, lease: SlotLease): UserError {
  const other = holderOf(lease) ?? "";
  return new UserError({
    what: `not begun, since ${other}'s change failed: ${failureOf(lease) ?? ""}`,
    where: node,
    next: `mend ${other} and run \`pulumi up\` again: it goes on from there; if ${other} is gone for good, take it out of the configuration and delete its Node (kubectl delete node ${other}) first`,
  });
}

async function keepRenewing(kubectl: Kubectl, slot: HeldSlot, ended: AbortSignal, clock: Clock): Promise<void> {
  for (;;) {
    await clock.sleep(timing.renew, ended);
    if (ended.aborted) return;
    // A server that restarts does not answer for a while; the next renewal comes in time.
    if ((await updateSlot(kubectl, slot, "held").catch(() => undefined)) === "lost") return;
  }
}

/** Until it is written, or nobody would wait for it any more: the work has ended, whatever becomes of its slot. */
async function insist(kubectl: Kubectl, slot: HeldSlot, state: SlotState, clock: Clock): Promise<void> {
  const start = clock.now();
  while (clock.now() - start <= timing.expiry) {
    const outcome = await updateSlot(kubectl, slot, state).catch(() => undefined);
    if (outcome !== undefined) return;
    await clock.sleep(timing.look);
  }
}

/** One line, without the node's name, which stands before it wherever it is shown. */
function reasonOf(error: unknown, node: string): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line.replace(`${node}: `, "").slice(0, 200);
}
