import { setTimeout as sleep } from "node:timers/promises";
import type { EngineLog } from "../engine-log.ts";
import { InitializationError, notOffered, PluginError } from "../plugin-error.ts";
import type { PropertyMap } from "../property-values.ts";
import { containsUnknown, revealMap } from "../property-values.ts";
import { resourceType } from "../urn.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { ApplyOptions, Cluster } from "./cluster.ts";
import { ApiError, isNotFound, NoSuchKindError, UnreachableError } from "./cluster.ts";
import { withoutIgnored } from "./ignored-fields.ts";
import { newFieldManager } from "./naming.ts";
import type { Identity, KubernetesObject } from "./objects.ts";
import {
  annotation,
  at,
  formatId,
  identityOf,
  parseId,
  parseType,
  textsAt,
  without,
  withoutServerWritten,
} from "./objects.ts";
import { findPodProblems, findWarnings, formatSelector } from "./pod-problems.ts";
import { pruneToInputs } from "./prune.ts";
import { checkReadiness } from "./readiness.ts";
import type { Settings } from "./settings.ts";
import { waitUntilReady } from "./waiting.ts";

export interface Context {
  cluster: Cluster;
  settings: Settings;
  log: EngineLog;
  /** Aborted when the user cancels. */
  signal: AbortSignal;
}

export interface Resource {
  urn: string;
  /** Seconds to wait for readiness or deletion; 0 means the default. */
  timeout: number;
}

export interface Stored {
  id: string;
  properties: PropertyMap;
}

const defaultTimeout = 600;
/** How often an object is sent again whose namespace or kind is not there yet. */
const applyAttempts = 5;

/** Creates an object and waits until it is ready. */
export async function create(context: Context, resource: Resource, news: PropertyMap): Promise<Stored> {
  const object = revealMap(news);
  const identity = identityOf(object);
  const existing = context.settings.upsert ? undefined : await findExisting(context, identity);
  if (existing !== undefined) {
    throw new PluginError(
      `resource ${resource.urn} was not successfully created by the Kubernetes API server: ` +
        `${identity.kind} ${formatId(identity)} already exists; ` +
        "import it, or set upsertExistingObjects on the Provider to adopt what exists",
    );
  }
  const fieldManager = annotation(object, "patchFieldManager") || newFieldManager();
  const applied = await applyPatiently(context, resource, object, {
    fieldManager,
    force: mayForce(context, object),
    dryRun: false,
  });
  return settle(context, resource, {
    object,
    applied,
    fieldManager,
    initialApiVersion: identity.apiVersion,
    from: news,
  });
}

/**
 * What creating would give, as far as the API server can tell without doing it; the inputs where it cannot: values not
 * known yet, a namespace or kind that is still to come, or no server to ask.
 */
export async function previewCreate(context: Context, news: PropertyMap): Promise<PropertyMap> {
  if (containsUnknown(news)) return news;
  const object = revealMap(news);
  const identity = identityOf(object);
  const fieldManager = annotation(object, "patchFieldManager") || newFieldManager();
  try {
    if ((await context.cluster.find(identity)) !== undefined) return news;
    const applied = await context.cluster.apply(object, identity, { fieldManager, force: true, dryRun: true });
    const live = without(applied, "status"); // not true before it is created
    return writeCheckpoint({ live, inputs: object, fieldManager, initialApiVersion: identity.apiVersion }, news);
  } catch (error) {
    if (cannotPreview(error)) return news;
    throw error;
  }
}

export interface Change {
  old: Stored;
  news: PropertyMap;
  /** Property paths that the program does not want to change. */
  ignoreChanges: string[];
}

/** Changes an object in place and waits until it is ready again. */
export async function update(context: Context, resource: Resource, change: Change): Promise<PropertyMap> {
  const object = revealMap(change.news);
  const { fieldManager, initialApiVersion } = stateToUpdate(change.old, object);
  const force = mayForce(context, object);
  const applied = await applyChange(context, object, change, { fieldManager, force, dryRun: false });
  const settled = { object, applied, fieldManager, initialApiVersion, from: change.news };
  return (await settle(context, resource, settled)).properties;
}

/** What updating would give; the new inputs where the API server cannot tell. */
export async function previewUpdate(context: Context, change: Change): Promise<PropertyMap> {
  const { old, news } = change;
  if (containsUnknown(news)) return news;
  const object = revealMap(news);
  const { fieldManager, initialApiVersion } = stateToUpdate(old, object);
  try {
    const live = await applyChange(context, object, change, { fieldManager, force: true, dryRun: true });
    return writeCheckpoint({ live, inputs: object, fieldManager, initialApiVersion }, news);
  } catch (error) {
    if (cannotPreview(error)) return news;
    throw error;
  }
}

async function applyChange(
  { cluster }: Context,
  object: KubernetesObject,
  { old, ignoreChanges }: Change,
  options: ApplyOptions,
): Promise<KubernetesObject> {
  // An object that somebody has deleted is an error here, as with the real provider: `refresh` makes it a creation.
  const live = await cluster.get({ ...identityOf(object), ...parseId(old.id) });
  const wanted = withoutIgnored(object, live, options.fieldManager, ignoreChanges);
  return cluster.apply(wanted, identityOf(object), options).catch(explainConflict);
}

/**
 * Looks at the object as it is now.
 * @param inputs those in the state; empty for a resource that the program only refers to by id
 * @returns undefined when it is gone
 */
export async function read(
  context: Context,
  resource: Resource,
  old: Stored,
  inputs: PropertyMap,
): Promise<(Stored & { inputs: PropertyMap }) | undefined> {
  const state = readCheckpoint(old.properties);
  const known = revealMap(inputs);
  const { apiVersion, kind } = "kind" in known ? identityOf(known) : parseType(resourceType(resource.urn));
  const live = await context.cluster.find({ apiVersion, kind, ...parseId(old.id) }).catch((error: unknown) => {
    if (error instanceof NoSuchKindError) return undefined;
    throw error;
  });
  if (live === undefined) return undefined;
  const wanted = "kind" in known ? pruneToInputs(live, known) : withoutServerWritten(without(live, "status"));
  const fieldManager = state.fieldManager || newFieldManager();
  const initialApiVersion = state.initialApiVersion || apiVersion;
  const properties = writeCheckpoint({ live, inputs: wanted, fieldManager, initialApiVersion }, inputs);
  const found = { id: old.id, properties, inputs: readInputs(properties) };
  if (!("kind" in known) || skipsAwait(known)) return found;
  const readiness = await checkReadiness(live, context.cluster);
  if (readiness.ready) return found;
  throw new InitializationError({
    ...found,
    message: `${kind} ${old.id} is not ready: waiting for ${readiness.waitingFor}`,
    reasons: [],
  });
}

/** Deletes an object and waits until it is gone. One that is not there, or whose kind is not, is gone already. */
export async function remove(context: Context, resource: Resource, old: Stored): Promise<void> {
  const { live, inputs } = readCheckpoint(old.properties);
  const { apiVersion, kind } = identityOf(inputs.kind === undefined ? live : inputs);
  const identity = { apiVersion, kind, ...parseId(old.id) };
  const policy = { orphan: "Orphan", background: "Background" }[
    annotation(inputs, "deletionPropagationPolicy").toLowerCase()
  ];
  try {
    await context.cluster.delete(identity, policy ?? "Foreground");
  } catch (error) {
    if (isNotFound(error) || error instanceof NoSuchKindError) return;
    throw error;
  }
  if (skipsAwait(inputs) && skipsAwaitOfDeletion(identity)) return;
  const end = await waitUntilReady(
    async () => {
      const left = await context.cluster.find(identity);
      return { ready: left === undefined, waitingFor: left === undefined ? "" : describeDeletion(left) };
    },
    waitOptions(context, resource, inputs),
  );
  if (!end.ready) throw new PluginError(`deletion of ${kind} ${old.id}: ${end.waitingFor}`);
}

interface Applied {
  object: KubernetesObject;
  applied: KubernetesObject;
  fieldManager: string;
  initialApiVersion: string;
  from: PropertyMap;
}

/** Waits for readiness and takes down how the object then looks; what does not get ready stays in the state with the reasons. */
async function settle(
  context: Context,
  resource: Resource,
  { object, applied, fieldManager, initialApiVersion, from }: Applied,
): Promise<Stored> {
  const identity = identityOf(applied);
  const id = formatId(identity);
  const store = (live: KubernetesObject) =>
    writeCheckpoint({ live, inputs: object, fieldManager, initialApiVersion }, from);
  if (skipsAwait(object)) return { id, properties: store(applied) };
  let live = applied;
  const end = await waitUntilReady(
    async () => {
      live = await context.cluster.get(identity);
      return checkReadiness(live, context.cluster);
    },
    waitOptions(context, resource, object),
  ).catch((error: unknown) => ({ ready: false, waitingFor: error instanceof Error ? error.message : String(error) }));
  if (end.ready) return { id, properties: store(live) };
  throw new InitializationError({
    id,
    properties: store(live),
    message: `${identity.kind} ${id} exists, but is not ready: ${end.waitingFor}`,
    reasons: await explain(context, live).catch(() => []),
  });
}

function waitOptions({ log, signal }: Context, { urn, timeout }: Resource, inputs: KubernetesObject) {
  return {
    timeout: timeout || Number(annotation(inputs, "timeoutSeconds")) || defaultTimeout,
    signal,
    onStatus: (text: string) => log.status(urn, text),
  };
}

/** Pods that do not run, and the last warnings, for the error that a person reads. */
async function explain({ cluster }: Context, live: KubernetesObject): Promise<string[]> {
  const { namespace, name, kind } = identityOf(live);
  if (namespace === "") return [];
  const selector = kind === "Service" ? "" : formatSelector(at(live, "spec", "selector"));
  const problems = selector === "" ? [] : await findPodProblems(cluster, namespace, selector);
  return [...problems, ...(await findWarnings(cluster, namespace, [name]))];
}

async function findExisting({ cluster }: Context, identity: Identity): Promise<KubernetesObject | undefined> {
  return cluster.find(identity).catch((error: unknown) => {
    if (error instanceof NoSuchKindError) return undefined; // its definition may be on its way
    throw error;
  });
}

async function applyPatiently(
  { cluster, log }: Context,
  { urn }: Resource,
  object: KubernetesObject,
  options: ApplyOptions,
): Promise<KubernetesObject> {
  for (let attempt = 1; ; attempt++) {
    try {
      const applied = await cluster.apply(object, identityOf(object), options).catch(explainConflict);
      if (attempt > 1) await log.status(urn, "");
      return applied;
    } catch (error) {
      const mayCome = isNotFound(error) || error instanceof NoSuchKindError;
      if (!mayCome || attempt === applyAttempts) throw notCreated(urn, error);
      await log.status(urn, `retry ${attempt} of ${applyAttempts - 1}: ${(error as Error).message}`);
      await sleep(500 * 2 ** (attempt - 1));
    }
  }
}

function notCreated(urn: string, error: unknown): Error {
  if (!(error instanceof ApiError)) return error as Error;
  return new PluginError(`resource ${urn} was not successfully created by the Kubernetes API server: ${error.message}`);
}

function explainConflict(error: unknown): never {
  if (error instanceof ApiError && error.status === 409) {
    const next = 'to take the fields over, annotate the resource with pulumi.com/patchForce: "true"';
    throw new ApiError(409, `Server-Side Apply field conflict detected: ${error.message}; ${next}`);
  }
  throw error;
}

function cannotPreview(error: unknown): boolean {
  const forbidden = error instanceof ApiError && error.status === 403;
  return forbidden || isNotFound(error) || error instanceof NoSuchKindError || error instanceof UnreachableError;
}

function stateToUpdate(old: Stored, object: KubernetesObject): { fieldManager: string; initialApiVersion: string } {
  const { fieldManager, initialApiVersion } = readCheckpoint(old.properties);
  const wanted = annotation(object, "patchFieldManager");
  if (wanted !== "" && wanted !== fieldManager)
    throw notOffered("changing the annotation pulumi.com/patchFieldManager");
  return { fieldManager: fieldManager || newFieldManager(), initialApiVersion };
}

function mayForce({ settings }: Context, object: KubernetesObject): boolean {
  return settings.patchForce || annotation(object, "patchForce") === "true";
}

function skipsAwait(inputs: KubernetesObject): boolean {
  return annotation(inputs, "skipAwait") === "true";
}

// For these the real provider leaves out the wait for deletion too (pulumi/pulumi-kubernetes#1232, #3154).
function skipsAwaitOfDeletion({ apiVersion, kind }: Identity): boolean {
  const kinds = ["Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"];
  return ["v1", "apps/v1", "batch/v1"].includes(apiVersion) && kinds.includes(kind);
}

function describeDeletion(left: KubernetesObject): string {
  const finalizers = textsAt(left, "metadata", "finalizers");
  return `the object to be deleted${finalizers.length > 0 ? ` (finalizers: ${finalizers.join(", ")})` : ""}`;
}

function readInputs(properties: PropertyMap): PropertyMap {
  return properties.__inputs as PropertyMap;
}
