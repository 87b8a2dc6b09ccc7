import { get } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { serversOf } from "../../stacks/config/site.ts";
import { buildRunnerImage } from "../../twin/images.ts";
import { connectionOf } from "../../workloads/benchmark/kubeconfig.ts";
import { stackConfiguration } from "../lib/pulumi.ts";
import { defaultLimit, describeAvailability, watchAvailability, type Ask, type Availability } from "./availability.ts";
import type { TrialSite } from "./trial-site.ts";

const name = "answering";
const port = 30080;

/** Has the site lay down the image of the workload on all nodes; before its first `up`. */
export async function bringWorkloadImage(trial: TrialSite): Promise<void> {
  const { file, sha256 } = await buildRunnerImage(() => undefined);
  trial.configure((site) => {
    site.images = [{ file, sha256 }];
  });
}

/** A web server with two replicas on two nodes and a budget that lets one of them be away. Returns when both answer. */
export async function deployWorkload(trial: TrialSite): Promise<void> {
  const { reference } = await buildRunnerImage(() => undefined);
  const manifest = renderWorkload(reference)
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  await trial.kubectl("apply --filename=- >/dev/null", manifest);
  await trial.kubectl(`rollout status deployment/${name} --timeout=180s >/dev/null`);
  // kube-proxy learns of endpoints a moment after the Deployment is ready.
  const ask = askWorkload(trial);
  for (const end = Date.now() + 60_000; ;) {
    const answers = await Promise.allSettled(trial.nodes.map((node) => ask(node, AbortSignal.timeout(500))));
    if (answers.filter(({ status }) => status === "fulfilled").length >= 2) return;
    if (Date.now() > end) throw new Error("the workload's two replicas do not answer");
    await sleep(500);
  }
}

function renderWorkload(image: string): object[] {
  const labels = { app: name };
  const serve = `require("http").createServer((_, response) => response.end("ok")).listen(8080)`;
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 2,
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: labels } },
                ],
              },
            },
            containers: [
              {
                name,
                image,
                imagePullPolicy: "IfNotPresent",
                command: ["node", "-e", serve],
                readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 2 },
                // Its endpoint goes before it does.
                lifecycle: { preStop: { sleep: { seconds: 1 } } },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: {
        type: "NodePort",
        // Each node answers for its own replica alone: one that is away is another server's business.
        externalTrafficPolicy: "Local",
        selector: labels,
        ports: [{ port: 80, targetPort: 8080, nodePort: port }],
      },
    },
  ];
}

/**
 * How the Kubernetes API and the workload fared during some work, for clients that know all servers and nodes.
 * @param limit milliseconds that a request may take
 */
export async function watchWhile(
  trial: TrialSite,
  work: () => Promise<unknown>,
  limit = defaultLimit,
): Promise<{ readonly api: Availability; readonly workload: Availability }> {
  const [api, workload] = [await watchApi(trial, limit), watchWorkload(trial, limit)];
  try {
    await work();
  } finally {
    // Whatever came of the work: who goes on asking keeps the process from its end.
    await Promise.all([api(), workload()]);
  }
  return { api: await api(), workload: await workload() };
}

/** In the words of a report. */
export function describeFared({ api, workload }: Awaited<ReturnType<typeof watchWhile>>): string {
  return `${describeAvailability("API", api)}; ${describeAvailability("workload", workload)}`;
}

function watchWorkload(trial: TrialSite, limit: number): () => Promise<Availability> {
  return watchAvailability(trial.nodes, askWorkload(trial), { limit });
}

function askWorkload(trial: TrialSite): Ask {
  const addresses = Object.fromEntries(trial.nodes.map((node) => [node, trial.nodeOf(node).address]));
  return (node, signal) =>
    new Promise((resolve, reject) => {
      get(`http://${addresses[node] ?? ""}:${port}/`, { agent: false, signal }, (response) => {
        response.resume();
        response.on("end", resolve).on("error", reject);
      }).on("error", reject);
    });
}

/** Watches the Kubernetes API through all servers. */
async function watchApi(trial: TrialSite, limit: number): Promise<() => Promise<Availability>> {
  const site = trial.config();
  const { rootSecret } = await stackConfiguration(trial.stack);
  const keys = deriveSiteKeys(String(rootSecret), site);
  const servers = Object.fromEntries(serversOf(site).map(({ name: server, node }) => [server, node.address]));
  const { ca, client } = connectionOf(keys.kubeconfig(Object.values(servers)[0] ?? "", new Date()));
  const ask: Ask = (server, signal) =>
    new Promise((resolve, reject) => {
      const url = `https://${servers[server] ?? ""}:6443/readyz`;
      const sent = request(
        url,
        { agent: false, ca, cert: client?.certificate, key: client?.key, signal },
        (response) => {
          text(response).then((body) => {
            // The checks that failed are marked so.
            const checks = body.split("\n").filter((line) => line.startsWith("[-]"));
            if (response.statusCode === 200) resolve();
            else reject(new Error([`HTTP ${String(response.statusCode)}`, ...checks].join(" ")));
          }, reject);
        },
      );
      sent.on("error", reject).end();
    });
  return watchAvailability(Object.keys(servers), ask, { limit });
}
