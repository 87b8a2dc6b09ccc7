import { deriveModel, type BaseModel } from "../workloads/ollama/derived-model.ts";
import { catalogue } from "../workloads/ollama/catalogue.ts";
import { demandOf, type Tenant } from "../workloads/ollama/fit.ts";
import { modelLockName, type ModelLock } from "../workloads/ollama/model-lock.ts";
import { hashApiKey } from "../workloads/serving/api-keys.ts";
import { servedReference } from "../workloads/serving/names.ts";
import { renderServingNamespace, servingNamespace } from "../workloads/serving/namespace.ts";
import { renderProxy } from "../workloads/serving/proxy.ts";
import { renderServing, replicasOf, type Placement } from "../workloads/serving/served-model.ts";
import { modelRegistryOf } from "./config/model-registry.ts";
import type { Site } from "./config/site.ts";
import { defaultModel, type ServedModel } from "./config/site-models.ts";
import type { Tenants } from "./experiment-fit.ts";
import { lockedModels, type LockedModel } from "./locked-models.ts";
import { UserError } from "./user-error.ts";

const mebibyte = 1024 ** 2;

/** Everything that serves a site's models, as manifests; undefined where the site serves none. */
export type ServingPlan = NonNullable<ReturnType<typeof servingPlan>>;

/**
 * @param apiKeyOf each client's API key, of which the cluster gets the hash
 * @throws UserError for a model that is not locked with its texts, or that the catalogue does not know
 */
export function servingPlan(site: Site, lock: ModelLock, apiKeyOf: (client: string) => string) {
  const { models = {}, serving } = site;
  if (serving === undefined || Object.keys(models).length === 0) return undefined;
  const locked = lockedModels(models, lock);
  const served = Object.entries(models).map(([label, model]) => {
    const base = baseOf(label, locked, lock);
    const { threads, context, system, queue, parallel, maxLoaded, keepAlive, kvCache, flashAttention, promptCache } =
      model;
    const placement = placementOf(model);
    return {
      label,
      placement,
      proxied: { replicas: replicasOf(placement), parallel, queue },
      objects: renderServing({
        namespace: servingNamespace,
        label,
        base: { reference: base.reference, digest: base.digest, bytes: base.bytes },
        derived: deriveModel(base, {
          reference: servedReference(label),
          parameters: { num_ctx: context, num_thread: threads },
          system: system ?? null,
        }),
        placement,
        settings: { parallel, maxLoaded, keepAlive, kvCache, flashAttention, promptCache },
        image: serving.images.ollama,
        registry: modelRegistryOf(site),
        memory: demandOf(tenantOf(model, base)).known,
      }),
    };
  });
  const proxy = renderProxy({
    namespace: servingNamespace,
    image: serving.images.proxy,
    models: Object.fromEntries(served.map(({ label, proxied }) => [label, proxied])),
    defaultModel: defaultModel(models, serving),
    clients: Object.fromEntries(serving.clients.map((client) => [client, hashApiKey(apiKeyOf(client))])),
    replicas: serving.replicas,
    nodePort: serving.port,
    clusterDomain: String(
      site.k3s.extra.all["cluster-domain"] ?? site.k3s.extra.server["cluster-domain"] ?? "cluster.local",
    ),
  });
  return { ...renderServingNamespace(servingNamespace), models: served, proxy };
}

/**
 * What a site's models may have loaded on its nodes. One that is on a number of nodes which Kubernetes chooses counts on each.
 * @throws UserError for a model that is not locked, or that the catalogue does not know
 */
export function servedTenants({ nodes, models = {} }: Pick<Site, "nodes" | "models">, lock: ModelLock): Tenants {
  const locked = lockedModels(models, lock);
  const tenants = Object.entries(models).flatMap(([label, model]) => {
    const one = locked[label];
    return one === undefined ? [] : [{ on: model.nodes ?? Object.keys(nodes), tenant: tenantOf(model, one) }];
  });
  const byNode = Object.keys(nodes).map(
    (node) => [node, tenants.filter(({ on }) => on.includes(node)).map(({ tenant }) => tenant)] as const,
  );
  return Object.fromEntries(byNode.filter(([, all]) => all.length > 0));
}

function tenantOf(
  { context, parallel, kvCache, promptCache }: ServedModel,
  { reference, bytes }: Pick<LockedModel, "reference" | "bytes">,
): Tenant {
  const entry = catalogue[reference];
  if (entry === undefined)
    throw new UserError({
      what: `${reference} is not in the catalogue, so nobody knows how much memory a server of it needs`,
      where: "bramble:site, models",
      next: "add its layers and heads to workloads/ollama/catalogue.yaml, or serve one of the models there",
    });
  const weights = bytes ?? entry.bytes;
  return {
    owner: "the site",
    reference,
    entry,
    weights,
    context,
    parallel,
    kvCache,
    promptCache: promptCache * mebibyte,
  };
}

/** A locked model with its texts. */
function baseOf(
  label: string,
  locked: Readonly<Record<string, LockedModel>>,
  lock: ModelLock,
): BaseModel & { readonly bytes: number | null } {
  const model = locked[label];
  if (model === undefined) throw new Error(`model ${label} was not looked up in the lock`);
  const entry = lock.models[model.reference];
  if (entry?.source == null || entry.digest !== model.digest)
    throw new UserError({
      what: `the lock does not hold the manifest of ${model.reference} (${model.digest}), which ${label} is made of`,
      where: modelLockName,
      next: "npm run models -- lock <the site's stack>, where its registry can be reached",
    });
  return { ...model, ...entry.source };
}

function placementOf({ nodes, count }: ServedModel): Placement {
  if (nodes !== undefined) return { nodes };
  if (count === undefined) throw new Error("a model without a place passed its schema");
  return { count };
}
