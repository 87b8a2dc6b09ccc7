import { z } from "zod";
import type { Kubectl } from "../nodes/measuring-lease.ts";
import { UserError } from "../user-error.ts";
import { clock as realClock, type Clock } from "../clock.ts";

/** On a Node that Bramble cordoned: one that a person did stays as it is. */
export const cordonedAnnotation = "bramble.dev/cordoned";

/** Milliseconds between two tries of what did not succeed. */
const pause = 2_000;
/** Milliseconds during which a node that was changed well is given back to a cluster that does not answer. */
const patience = 120_000;
/** Seconds that kubectl may drain in one go: over SSH it may take no longer than a minute. */
const drainSeconds = 40;

/**
 * Empties a node, does `work` on it, and lets pods come back. Evictions respect PodDisruptionBudgets.
 * @param kubectl asks a server that answers now: the node itself may be the one that is away
 * @param limitSeconds that emptying may take
 * @throws UserError naming the pods that stayed; the node then takes pods again. Where `work` fails, it stays empty.
 */
export async function drained<T>(
  kubectl: () => Promise<Kubectl>,
  node: string,
  limitSeconds: number,
  work: () => Promise<T>,
  clock: Clock = realClock,
): Promise<T> {
  const cordoned = await cordon(await kubectl(), node);
  // Somebody deleted its Node: there is nothing on it that the cluster knows of, and the work brings it back.
  if (cordoned === "no node") return await work();
  try {
    await drain(kubectl, node, limitSeconds, clock);
  } catch (error) {
    await takePodsAgain(await kubectl(), node).catch(() => undefined);
    throw error;
  }
  const done = await work();
  await giveBack(kubectl, node, clock);
  return done;
}

/** Uncordons a node that Bramble cordoned, in this change or in one that was cut off. Otherwise nothing. */
export async function takePodsAgain(kubectl: Kubectl, node: string): Promise<void> {
  const found = await findNode(kubectl, node);
  if (found?.metadata.annotations?.[cordonedAnnotation] === undefined) return;
  await setCordon(kubectl, node, false);
}

async function giveBack(kubectl: () => Promise<Kubectl>, node: string, clock: Clock): Promise<void> {
  const start = clock.now();
  for (;;) {
    try {
      await takePodsAgain(await kubectl(), node);
      return;
    } catch (error) {
      if (!(error instanceof UserError) || clock.now() - start > patience) throw error;
    }
    await clock.sleep(pause);
  }
}

const nodeSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.object({ unschedulable: z.boolean().optional() }).optional(),
});

/** The Node, or undefined where the cluster has none of this name. */
async function findNode(kubectl: Kubectl, node: string): Promise<z.infer<typeof nodeSchema> | undefined> {
  const args = ["get", "node", node, "--output=json"];
  const result = await kubectl(args);
  if (result.stderr.includes("(NotFound)")) return undefined;
  return nodeSchema.parse(JSON.parse(outputOf(args, result)));
}

async function cordon(kubectl: Kubectl, node: string): Promise<"cordoned" | "no node"> {
  const found = await findNode(kubectl, node);
  if (found === undefined) return "no node";
  if (found.spec?.unschedulable !== true) await setCordon(kubectl, node, true);
  return "cordoned";
}

/** Cordon and word of it in one request: neither may be there without the other. */
async function setCordon(kubectl: Kubectl, node: string, on: boolean): Promise<void> {
  const patch = {
    metadata: { annotations: { [cordonedAnnotation]: on ? "yes" : null } },
    spec: { unschedulable: on ? true : null },
  };
  await must(kubectl, ["patch", "node", node, "--type=merge", `--patch=${JSON.stringify(patch)}`]);
}

async function drain(kubectl: () => Promise<Kubectl>, node: string, limitSeconds: number, clock: Clock): Promise<void> {
  const end = clock.now() + limitSeconds * 1000;
  for (;;) {
    const left = Math.max(1, Math.round((end - clock.now()) / 1000));
    const said = await tryToDrain(await kubectl(), node, Math.min(left, drainSeconds));
    if (said === undefined) return;
    const unowned = unownedPods(said);
    if (unowned !== undefined)
      throw new UserError({
        what: `holds pods that nobody would make again: ${unowned}`,
        where: node,
        next: "delete them or give them a controller (a Deployment, a Job), then run `pulumi up` again",
      });
    if (clock.now() >= end) throw notEmptied(node, limitSeconds, said);
    await clock.sleep(pause);
  }
}

/** @returns what kubectl said when the node is not empty yet, or undefined */
async function tryToDrain(kubectl: Kubectl, node: string, seconds: number): Promise<string | undefined> {
  // Without --force, pods that nobody would make again keep the node: they would be lost. Pods whose end the node should have
  // confirmed long ago do not: it may be away.
  const options = ["--ignore-daemonsets", "--delete-emptydir-data", "--skip-wait-for-delete-timeout=30"];
  try {
    const { code, stderr } = await kubectl(["drain", node, ...options, `--timeout=${seconds}s`]);
    return code === 0 ? undefined : stderr;
  } catch (error) {
    // The server that was asked is away; the next try asks another one.
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** Pods that kubectl refuses to delete since they declare no controller (kubernetes/kubectl, pkg/drain/filters.go). */
function unownedPods(said: string): string | undefined {
  return /declare no controller[^:]*: ((?:[a-z0-9.-]+\/[a-z0-9.-]+(?:, (?=[a-z0-9.-]+\/))?)+)/.exec(said)?.[1];
}

/** (kubernetes/kubectl, pkg/drain/drain.go.) */
function notEmptied(node: string, limitSeconds: number, said: string): UserError {
  const evicted = [...said.matchAll(/error when evicting pods?\/?\s*"([^"]+)" -n "([^"]+)"/g)];
  const ending = [...said.matchAll(/error when waiting for pod "([^"]+)" in namespace "([^"]+)" to terminate/g)];
  const pods = [...new Set([...evicted, ...ending].map(([, pod = "", namespace = ""]) => `${namespace}/${pod}`))];
  return new UserError({
    what: `could not be emptied in ${limitSeconds} s${pods.length === 0 ? "" : `, since ${pods.join(", ")} stayed`}:\n${lastLines(said)}`,
    where: node,
    next: "give what stays there a second replica or a wider PodDisruptionBudget, or raise k3s.drainSeconds; then run `pulumi up` again",
  });
}

function lastLines(text: string): string {
  return text
    .trim()
    .split("\n")
    .slice(-5)
    .map((line) => `    ${line}`)
    .join("\n");
}

/** What kubectl printed. @throws UserError with what it said where it failed */
export async function must(kubectl: Kubectl, args: readonly string[]): Promise<string> {
  return outputOf(args, await kubectl(args));
}

function outputOf(args: readonly string[], { code, stdout, stderr }: Awaited<ReturnType<Kubectl>>): string {
  if (code === 0) return stdout;
  throw new UserError({
    what: `kubectl ${args.slice(0, 3).join(" ")} failed: ${stderr.trim()}`,
    next: "mend what it says, then run `pulumi up` again",
  });
}
