import { join } from "node:path";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { parseSite } from "../../stacks/config/parse.ts";
import type { Site } from "../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { run } from "../../stacks/remote/connection.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { stateDirectory } from "../../stacks/root.ts";
import { pulumi, stackConfiguration, stackOutputs } from "../../scripts/lib/pulumi.ts";

/** The live tests' own stacks, state and twin: a demo that runs beside them shares nothing but the build cache. */
export const stacks = { site: "test-site", one: "test-threads-1", two: "test-threads-2" } as const;
export const twinDirectory = join(stateDirectory, "twins", "test");
/** Where tests put cards to compare. */
export const scratch = join(stateDirectory, "test-scratch");
export const stateOfTests = join(stateDirectory, "test-state");

/** Must be called before anything runs Pulumi. */
export function useTestState(): void {
  process.env.PULUMI_BACKEND_URL = `file://${stateOfTests}`;
}

export async function readSite(): Promise<{ site: Site; rootSecret: string }> {
  const { site, rootSecret } = await stackConfiguration(stacks.site);
  return { site: parseSite(stacks.site, site), rootSecret: String(rootSecret) };
}

/** Runs a shell script on a node as root and returns what it printed. */
export async function onNode(node: string, script: string): Promise<string> {
  const { site, rootSecret } = await readSite();
  const endpoint = endpointOf(site, node, deriveSiteKeys(rootSecret, site));
  const { stdout, stderr, code } = await run(endpoint, ["sudo", "sh", "-eu"], { stdin: script, timeoutSeconds: 60 });
  if (code !== 0) throw new Error(`on ${node}, exit code ${code}: ${stderr}\n${script}`);
  return stdout;
}

async function coreApi(): Promise<CoreV1Api> {
  const config = new KubeConfig();
  const { kubeconfig } = await stackOutputs(stacks.site);
  config.loadFromString(String(kubeconfig));
  return config.makeApiClient(CoreV1Api);
}

/** Each node's Ready condition, as the cluster has it. */
export async function readiness(): Promise<Record<string, string>> {
  const { items } = await (await coreApi()).listNode();
  return Object.fromEntries(
    items.map((node) => [
      node.metadata?.name ?? "",
      node.status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "Unknown",
    ]),
  );
}

/** Every pod that is there, with what changes when it is replaced or restarted. */
export async function podLives(): Promise<Record<string, string>> {
  const { items } = await (await coreApi()).listPodForAllNamespaces();
  return Object.fromEntries(
    items.map(({ metadata, status }) => [
      `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`,
      `${metadata?.uid ?? ""} restarts ${(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount).join(",")}`,
    ]),
  );
}

/** Everything on a node that Bramble manages, with inode, modification and change time: a write shows, even an equal one. */
export async function managedFiles(node: string): Promise<string> {
  const places = [
    ...["/etc/rancher", "/etc/systemd/system", "/etc/sysctl.d", "/etc/hosts", "/usr/local/bin", "/boot/firmware"],
    ...["/var/lib/bramble/phases", "/var/lib/rancher/k3s/server/tls", "/var/lib/rancher/k3s/agent/images"],
  ];
  return onNode(node, `find ${places.join(" ")} -type f -printf '%p %i %s %m %U:%G %T@ %C@\\n' 2>/dev/null | sort`);
}

/** Brings stacks up and fails if anything had to change. */
export async function upUnchanged(stack: string): Promise<void> {
  await pulumi(["up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes"]);
}

/** Waits until a condition holds, asking each half second. A throwing condition does not hold yet. */
export async function eventually(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  let last = "";
  for (;;) {
    try {
      if (await condition()) return;
      last = "it does not hold";
    } catch (error) {
      last = String(error);
    }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what} (${last})`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/**
 * What a stack's resources were asked to be: equal for equal configurations. Secrets' ciphertexts are left out, since each
 * encryption has its own nonce, and so is the note of which machine last asked for a repair.
 */
export async function resourceInputs(stack: string): Promise<Record<string, unknown>> {
  const { stdout } = await pulumi(["stack", "export", "--stack", stack]);
  const { deployment } = JSON.parse(stdout) as {
    deployment: { resources: { urn: string; inputs?: unknown }[] };
  };
  return Object.fromEntries(deployment.resources.map(({ urn, inputs }) => [urn, comparable(inputs)]));
}

function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (key, inner: unknown) =>
      key === "ciphertext" || key === "BRAMBLE_REPAIR" ? "(left out)" : inner,
    ),
  ) as unknown;
}
