import { z } from "zod";
import type { Kubectl } from "../nodes/measuring-lease.ts";

/** What slots are of: at most so many nodes of a kind are changed at once. */
export type SlotKind = "server" | "agent";

/** A slot in the hands of one change. */
export interface HeldSlot {
  readonly name: string;
  readonly node: string;
  /** Tells this change of the node from an earlier one that was cut off. */
  readonly change: string;
}

/** What becomes of a slot: kept, given back, or kept by a change that failed. */
export type SlotState = "held" | "free" | { readonly failed: string };

const namespace = "bramble";
const failedAnnotation = "bramble.dev/failed";
const changeAnnotation = "bramble.dev/change";

/** The part of a coordination.k8s.io/v1 Lease that is a slot. */
const slotLease = z.object({
  metadata: z.object({
    name: z.string(),
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.object({ holderIdentity: z.string().nullish(), renewTime: z.string().nullish() }).optional(),
});
export type SlotLease = z.infer<typeof slotLease>;

export function slotName(kind: SlotKind, index: number): string {
  return `k3s-change-${kind}-${index}`;
}

/** The node whose change holds a slot. */
export function holderOf({ spec }: SlotLease): string | undefined {
  return spec?.holderIdentity ?? undefined;
}

/** Why the change that holds a slot failed. */
export function failureOf({ metadata }: SlotLease): string | undefined {
  return metadata.annotations?.[failedAnnotation];
}

/** All slots of a kind that were ever taken, or undefined where the site's namespace is not there yet. */
export async function listSlots(kubectl: Kubectl, kind: SlotKind): Promise<SlotLease[] | undefined> {
  const { code, stdout, stderr } = await kubectl(["get", "leases", `--namespace=${namespace}`, "--output=json"]);
  if (code !== 0) throw new Error(`the slots cannot be read: ${stderr.trim()}`);
  const list = z.object({ items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })) });
  const slots = list
    .parse(JSON.parse(stdout))
    .items.filter(({ metadata: { name } }) => name.startsWith(`k3s-change-${kind}-`))
    .map((item) => slotLease.parse(item));
  if (slots.length > 0) return slots;
  // Without the namespace, kubectl lists nothing, and that is no error.
  const space = await kubectl(["get", "namespace", namespace, "--output=name"]);
  if (space.stderr.includes("(NotFound)")) return undefined;
  if (space.code !== 0) throw new Error(`the namespace ${namespace} cannot be read: ${space.stderr.trim()}`);
  return [];
}

/**
 * Takes a slot.
 * @param old the Lease as it was seen, undefined where there was none
 * @returns false where somebody else was faster
 */
export async function claimSlot(kubectl: Kubectl, slot: HeldSlot, old: SlotLease | undefined): Promise<boolean> {
  return await write(kubectl, render(slot, "held", old));
}

/** Gives back what an earlier change of a node left. @returns false where somebody else was faster */
export async function clearSlot(kubectl: Kubectl, old: SlotLease): Promise<boolean> {
  return await write(kubectl, render({ name: old.metadata.name, node: "", change: "" }, "free", old));
}

/** Writes what becomes of a held slot. @returns "lost" where it is another change's by now, and nothing is written */
export async function updateSlot(kubectl: Kubectl, slot: HeldSlot, state: SlotState): Promise<"written" | "lost"> {
  const args = ["get", "lease", slot.name, `--namespace=${namespace}`, "--output=json"];
  const { code, stdout, stderr } = await kubectl(args);
  if (stderr.includes("(NotFound)")) return "lost";
  if (code !== 0) throw new Error(`the slot ${slot.name} cannot be read: ${stderr.trim()}`);
  const lease = slotLease.parse(JSON.parse(stdout));
  if (holderOf(lease) !== slot.node || lease.metadata.annotations?.[changeAnnotation] !== slot.change) return "lost";
  if (await write(kubectl, render(slot, state, lease))) return "written";
  throw new Error(`the slot ${slot.name} was written meanwhile`);
}

async function write(kubectl: Kubectl, lease: ReturnType<typeof render>): Promise<boolean> {
  const verb = lease.metadata.resourceVersion === undefined ? "create" : "replace";
  const { code, stderr } = await kubectl([verb, "--filename=-", "--output=name"], JSON.stringify(lease));
  if (code === 0) return true;
  if (/\((AlreadyExists|Conflict|NotFound)\)/.test(stderr)) return false;
  throw new Error(`the slot ${lease.metadata.name} cannot be written: ${stderr.trim()}`);
}

/** With the version that it was read at: the API server lets only one of two writers through. */
function render({ name, node, change }: HeldSlot, state: SlotState, old: SlotLease | undefined) {
  const free = state === "free";
  const failed = typeof state === "string" ? {} : { [failedAnnotation]: state.failed };
  const annotations: Record<string, string> = free ? {} : { [changeAnnotation]: change, ...failed };
  const resourceVersion = old?.metadata.resourceVersion;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace, annotations, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      holderIdentity: free ? null : node,
      // For people to read: clocks of two machines are never compared.
      renewTime: free ? null : new Date().toISOString().replace("Z", "000Z"),
    },
  };
}
