import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import { EngineLog } from "./engine-log.ts";
import type { FieldChange } from "./kubernetes/changes.ts";
import { findChanges } from "./kubernetes/changes.ts";
import { readCheckpoint } from "./kubernetes/checkpoint.ts";
import { Cluster, NoSuchKindError, UnreachableError } from "./kubernetes/cluster.ts";
import { completeInputs } from "./kubernetes/inputs.ts";
import { findRefusal, isNamespaced } from "./kubernetes/kinds.ts";
import { annotation, parseType } from "./kubernetes/objects.ts";
import type { Context } from "./kubernetes/operations.ts";
import { create, previewCreate, previewUpdate, read, remove, update } from "./kubernetes/operations.ts";
import type { Settings } from "./kubernetes/settings.ts";
import { findSettingChanges, findSettingFailures, readSettings } from "./kubernetes/settings.ts";
import { notOffered, PluginError } from "./plugin-error.ts";
import type { PropertyMap } from "./property-values.ts";
import { readProperties, revealMap, writeProperties } from "./property-values.ts";
import { Empty } from "./protobuf.ts";
import { introduction } from "./introduction.ts";
import { engineAddress, servePlugin } from "./serve-plugin.ts";
import { resourceName, resourceType } from "./urn.ts";
import { kubernetesVersion } from "./versions.ts";

/** Stands in for pulumi-resource-kubernetes as far as this project uses it: server-side apply of plain objects. */

const log = new EngineLog();
log.connect(engineAddress());
const cancelled = new AbortController();
let settings: Settings = readSettings(new Map());
let cluster: Cluster | undefined;

servePlugin<IResourceProviderServer>({
  name: "Kubernetes provider",
  service: providerGrpc.ResourceProviderService,
  methods: {
    ...introduction(log, kubernetesVersion),
    checkConfig: (request) => {
      const response = new provider.CheckResponse();
      response.setInputs(request.getNews());
      response.setFailuresList(
        findSettingFailures(readProperties(request.getNews())).map(({ property, reason }) => {
          const failure = new provider.CheckFailure();
          failure.setProperty(property);
          failure.setReason(reason);
          return failure;
        }),
      );
      return response;
    },
    diffConfig: (request) => {
      const { changed, replacing } = findSettingChanges(
        readProperties(request.getOldInputs() ?? request.getOlds()),
        readProperties(request.getNews()),
      );
      const response = new provider.DiffResponse();
      const { DIFF_NONE, DIFF_SOME } = provider.DiffResponse.DiffChanges;
      response.setChanges(changed.length === 0 ? DIFF_NONE : DIFF_SOME);
      response.setDiffsList(changed);
      response.setReplacesList(replacing);
      return response;
    },
    configure: (request) => {
      const variables = request.getVariablesMap().toArray();
      settings = readSettings(new Map(variables));
      cluster = settings.kubeconfig === undefined ? undefined : new Cluster(settings.kubeconfig);
      const response = new provider.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    },
    check: async (request) => {
      const news = readProperties(request.getNews());
      requireSupport(request.getUrn(), news);
      const olds = readProperties(request.getOlds());
      const response = new provider.CheckResponse();
      const inputs = completeInputs({
        resource: resourceName(request.getUrn()),
        news,
        olds: Object.keys(olds).length === 0 ? undefined : olds,
        seed: request.getRandomseed_asU8(),
        namespaced: await liesInNamespace(request.getUrn()),
        defaultNamespace: settings.defaultNamespace,
      });
      response.setInputs(writeProperties(inputs));
      return response;
    },
    diff: async (request) => {
      const changes = findChanges(
        revealMap(readProperties(request.getOldInputs())),
        revealMap(readProperties(request.getNews())),
        readCheckpoint(readProperties(request.getOlds())).live,
        { namespaced: await liesInNamespace(request.getUrn()), mutable: settings.mutable },
      );
      return diffResponse(changes.fields, changes.deleteBeforeReplace);
    },
    create: async (request) => {
      const news = readProperties(request.getProperties());
      requireSupport(request.getUrn(), news);
      const response = new provider.CreateResponse();
      if (request.getPreview()) {
        response.setProperties(writeProperties(cluster === undefined ? news : await previewCreate(context(), news)));
        return response;
      }
      const { id, properties } = await needsCluster(() => create(context(), resourceOf(request), news));
      response.setId(id);
      response.setProperties(writeProperties(properties));
      return response;
    },
    update: async (request) => {
      const news = readProperties(request.getNews());
      requireSupport(request.getUrn(), news);
      const change = {
        old: { id: request.getId(), properties: readProperties(request.getOlds()) },
        news,
        ignoreChanges: request.getIgnorechangesList(),
      };
      const response = new provider.UpdateResponse();
      const properties = request.getPreview()
        ? await (cluster === undefined ? news : previewUpdate(context(), change))
        : await needsCluster(() => update(context(), resourceOf(request), change));
      response.setProperties(writeProperties(properties));
      return response;
    },
    read: async (request) => {
      const inputs = readProperties(request.getInputs());
      requireSupport(request.getUrn(), inputs);
      const old = { id: request.getId(), properties: readProperties(request.getProperties()) };
      const response = new provider.ReadResponse(); // without an id: the object is gone
      const found = await goneOrReachable(() => read(context(), resourceOf(request), old, inputs));
      if (found === undefined) return response;
      response.setId(found.id);
      response.setProperties(writeProperties(found.properties));
      response.setInputs(writeProperties(found.inputs));
      return response;
    },
    delete: async (request) => {
      const old = { id: request.getId(), properties: readProperties(request.getProperties()) };
      await goneOrReachable(() => remove(context(), resourceOf(request), old));
      return new Empty();
    },
    invoke: (request) => Promise.reject(notOffered(`function ${request.getTok()}`)),
    call: (request) => Promise.reject(notOffered(`method ${request.getTok()}`)),
    construct: (request) => Promise.reject(notOffered(`component ${request.getType()}`)),
    cancel: () => {
      cancelled.abort(); // those who wait look once more and report how far it came
      return new Empty();
    },
  },
});

function requireSupport(urn: string, inputs: PropertyMap): void {
  const refusal = findRefusal(resourceType(urn), annotation(revealMap(inputs), "skipAwait") === "true");
  if (refusal !== undefined) throw notOffered(refusal);
}

function context(): Context {
  if (cluster === undefined) throw new UnreachableError(settings.noKubeconfigReason);
  return { cluster, settings, log, signal: cancelled.signal };
}

function resourceOf(request: { getUrn(): string; getTimeout(): number }): { urn: string; timeout: number } {
  return { urn: request.getUrn(), timeout: request.getTimeout() };
}

async function liesInNamespace(urn: string): Promise<boolean> {
  const type = parseType(resourceType(urn));
  const known = isNamespaced(type);
  if (known !== undefined || cluster === undefined) return known ?? true;
  return cluster.isNamespaced(type).catch((error: unknown) => {
    // Its definition may be on its way; most custom kinds lie in namespaces.
    if (error instanceof NoSuchKindError || error instanceof UnreachableError) return true;
    throw error;
  });
}

async function needsCluster<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new PluginError(`the configured Kubernetes cluster is unreachable: ${error.message}`);
  }
}

/** Where the cluster does not answer, `deleteUnreachable` says that what it held is gone. */
async function goneOrReachable<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (settings.deleteUnreachable) return undefined;
    throw new PluginError(
      `the configured Kubernetes cluster is unreachable: ${error.message}; if it was deleted, remove its resources ` +
        "from the state by running again with PULUMI_K8S_DELETE_UNREACHABLE=true",
    );
  }
}

function diffResponse(fields: FieldChange[], deleteBeforeReplace: boolean): provider.DiffResponse {
  const response = new provider.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = provider.DiffResponse.DiffChanges;
  response.setChanges(fields.length === 0 ? DIFF_NONE : DIFF_SOME);
  response.setReplacesList(fields.filter(({ replaces }) => replaces).map(({ path }) => path));
  response.setDeletebeforereplace(deleteBeforeReplace);
  response.setHasdetaileddiff(true);
  for (const { path, kind, replaces } of fields) {
    const detail = new provider.PropertyDiff();
    detail.setKind(provider.PropertyDiff.Kind[replaces ? (`${kind}_REPLACE` as const) : kind]);
    detail.setInputdiff(true); // paths are those of inputs
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}
