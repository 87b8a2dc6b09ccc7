import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { bringUp } from "../../scripts/lib/bring-up.ts";
import { pulumi, stackOutputs } from "../../scripts/lib/pulumi.ts";
import { raiseTwin } from "../../scripts/lib/raise-twin.ts";
import { Steps } from "../../scripts/lib/steps.ts";
import { root } from "../../stacks/root.ts";
import { buildProxyImage, buildRegistryImages } from "../../twin/images.ts";
import { downTwin } from "../../twin/site.ts";
import { setStackKey, stackFile, stackKey, type TwinParts } from "../../twin/stack-files.ts";
import { modelLockName } from "../../workloads/ollama/model-lock.ts";
import * as live from "./live-site.ts";
import { runCommand } from "./run-command.ts";

// One story, told in order: a site is up, then serves a model to clients of its network.

const { site } = live.stacks;
const [server, agent] = ["pi-1", "pi-2"];
const lockFile = join(root, modelLockName);
const keptLock = `${lockFile}.kept`;
let parts: TwinParts;

live.useTestState();

async function clear(): Promise<void> {
  await downTwin(live.twinDirectory);
  await rm(live.stateOfTests, { recursive: true, force: true });
  await rm(stackFile(site), { force: true });
}

test.before(async () => {
  await clear();
  // The project's own lock is put aside: the one that is tried here names the twin's model.
  if (existsSync(lockFile)) await rename(lockFile, keptLock);
});
test.after.always(async () => {
  await clear();
  await rm(lockFile, { force: true });
  if (existsSync(keptLock)) await rename(keptLock, lockFile);
});

const update = () => pulumi(["up", "--stack", site, "--yes", "--skip-preview", "--non-interactive"]);
const configure = (change: Record<string, unknown>) => {
  setStackKey(site, "site", { ...(stackKey(site, "site") as object), ...change });
};
const model = () => ({
  reference: parts.model.reference,
  nodes: [agent],
  threads: 2,
  context: 512,
  system: "You answer in one word.",
});

interface Outputs {
  readonly apiKeys: Record<string, string>;
  readonly serving: { readonly addresses: readonly string[]; readonly models: readonly string[] };
}

/** Asks the site as a client does. @param where below the address of a node */
async function ask(where: string, key: string | undefined, body?: unknown) {
  const { serving } = (await stackOutputs(site)) as unknown as Outputs;
  const url = new URL(where, serving.addresses[0]);
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      "content-type": "application/json",
      connection: "close",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(120_000),
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}
const keyOf = async (client: string) => ((await stackOutputs(site)) as unknown as Outputs).apiKeys[client];
const question = (name: string) => ({
  model: name,
  messages: [{ role: "user", content: "Which planet do we live on?" }],
  max_tokens: 8,
  temperature: 0,
  seed: 1,
});

test.serial("a model whose texts are not locked is named, and nothing is changed", async (t) => {
  parts = await raiseTwin({ stack: site, directory: live.twinDirectory, experiments: [], steps: new Steps() });
  await bringUp([site], { flags: [], signal: new AbortController().signal });
  const proxy = await buildProxyImage(() => undefined);
  const own = await buildRegistryImages(() => undefined);
  const { images } = stackKey(site, "site") as { images: object[] };
  configure({
    // On all nodes: a new proxy starts beside the old one, on another node where there is one.
    images: [
      ...images,
      { file: proxy.file, sha256: proxy.sha256 },
      ...Object.values(own).map(({ file, sha256 }) => ({ file, sha256, nodes: [server] })),
    ],
    // The site's own registry: a copy of the one on the twin's bridge.
    modelRegistry: undefined,
    registry: {
      node: server,
      images: { registry: own.registry.reference, nginx: own.nginx.reference },
      upstream: `http://${parts.modelRegistry}`,
    },
    models: { assistant: { ...model(), digest: parts.model.digest } },
    serving: { images: { ollama: parts.ollama.reference, proxy: proxy.reference }, clients: ["alice", "field-app"] },
  });
  const error = await t.throwsAsync(pulumi(["preview", "--stack", site, "--non-interactive"]));
  t.regex(error.message, /models\.lock\.json: the lock does not hold the manifest of .*npm run models -- lock/s);
});

test.serial("a site serves a model by OpenAI's interface, to those who have a key", async (t) => {
  t.timeout(600_000);
  configure({ models: { assistant: model() } });
  const locked = await runCommand("models", ["lock", site]);
  t.is(locked.code, 0, locked.output);
  await update();
  t.regex((await stackOutputs(site)).kubeconfig as string, /server/);

  // The pods answer; kube-proxy leads to them from the nodes' ports a moment later.
  const refused = async () => (await ask("/v1/models", undefined)).status === 401;
  await live.eventually("the node's port leads to the proxy", 30, refused);
  t.is((await ask("/v1/chat/completions", undefined, question("assistant"))).status, 401);
  t.is((await ask("/v1/chat/completions", "0".repeat(64), question("assistant"))).status, 401);
  for (const client of ["alice", "field-app"])
    for (const path of ["/v1", "/assistant/v1"]) {
      const { status, answer } = await ask(`${path}/chat/completions`, await keyOf(client), question("assistant"));
      t.is(status, 200, JSON.stringify(answer));
      const [choice] = answer.choices as { message: { content: string } }[];
      t.true((choice?.message.content.length ?? 0) > 0);
    }
  const list = await ask("/v1/models", await keyOf("alice"));
  t.deepEqual(
    (list.answer.data as { id: string }[]).map(({ id }) => id),
    ["assistant"],
  );
  // Ollama's own interface could delete models.
  t.is((await ask("/api/tags", await keyOf("alice"))).status, 404);
});

test.serial("the model came from the site's own registry, which keeps it", async (t) => {
  const { modelRegistry } = (await stackOutputs(site)) as unknown as { modelRegistry: string };
  t.regex(modelRegistry, /\.11:5000$/);
  const blobs = await live.onNode(server, "find /var/lib/bramble/registry -name data -size +100M");
  t.regex(blobs.trim(), /^\S+\/data$/);
  t.is((await fetch(`http://${modelRegistry}/v2/`)).status, 200);
});

test.serial(
  "what is served is the derived model, by its threads and its context, with no right to write",
  async (t) => {
    const pod = `$(k3s kubectl --namespace models get pod --selector app.kubernetes.io/name=served-model --output name)`;
    const inPod = (command: string) =>
      live.onNode(server, `k3s kubectl --namespace models exec ${pod} --container ollama -- sh -c '${command}'`);
    t.regex(await inPod("ollama show assistant --parameters"), /num_ctx\s+512[^]*num_thread\s+2/);
    t.regex(await inPod("ollama show assistant --system"), /You answer in one word\./);
    t.regex(await inPod("id -u"), /^65534$/m);
    t.regex(await inPod("touch /anything 2>&1 || true"), /Read-only file system/);
  },
);

test.serial("Prometheus gets its figures inside the cluster, and no key is in any object but as a hash", async (t) => {
  const address = `$(k3s kubectl --namespace models get endpoints model-proxy-metrics --output jsonpath='{.subsets[0].addresses[0].ip}')`;
  const metrics = await live.onNode(
    server,
    `python3 -c 'import sys, urllib.request as r; print(r.urlopen("http://" + sys.argv[1] + ":9102/metrics").read().decode())' ${address}`,
  );
  t.regex(metrics, /haproxy_backend_http_responses_total\{proxy="model-assistant",code="2xx"\} [1-9]/);
  const objects = await live.onNode(server, "k3s kubectl --namespace models get all,configmaps,secrets --output yaml");
  t.false(objects.includes((await keyOf("alice")) ?? t.fail()));
  const log = await live.onNode(
    server,
    "k3s kubectl --namespace models logs --selector app.kubernetes.io/name=model-proxy --tail=-1",
  );
  t.regex(log, /"client":"alice".*"status":200/);
  t.false(log.includes((await keyOf("alice")) ?? t.fail()));
});

test.serial("a second up changes nothing; a client that is left out is not answered any more", async (t) => {
  t.timeout(300_000);
  await live.upUnchanged(site);
  const key = await keyOf("field-app");
  const { serving } = stackKey(site, "site") as { serving: object };
  configure({ serving: { ...serving, clients: ["alice"] } });
  await update();
  await live.eventually("the proxy with the new list is alone", 60, async () => {
    return (await ask("/v1/models", key)).status === 401;
  });
  t.is((await ask("/v1/models", await keyOf("alice"))).status, 200);
});

test.serial("a site that serves nothing any more takes all of it away", async (t) => {
  t.timeout(600_000);
  configure({ models: undefined, serving: undefined });
  await update();
  t.is((await live.onNode(server, "k3s kubectl get namespace models --ignore-not-found")).trim(), "");
});
