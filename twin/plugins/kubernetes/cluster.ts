import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { PropertyMap } from "../property-values.ts";
import type { Identity, KubernetesObject } from "./objects.ts";
import { listAt, textAt } from "./objects.ts";

/** The API server's own words for why it did not do what was asked. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The API server could not be spoken to. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** The API server does not know the kind: its CustomResourceDefinition is not there, or the apiVersion is wrong. */
export class NoSuchKindError extends Error {
  override readonly name = "NoSuchKindError";
}

export interface ApplyOptions {
  fieldManager: string;
  /** Takes fields over from other managers instead of failing. */
  force: boolean;
  dryRun: boolean;
}

interface Request {
  method: "GET" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string>;
  body?: PropertyMap;
  contentType?: string;
}

interface ResourceKind {
  plural: string;
  namespaced: boolean;
}

/** Silence after which a request is given up, in milliseconds. */
const requestTimeout = 30_000;
/** How often a request is sent again that the API server put off (429, 503 with Retry-After). */
const maximumRetries = 10;

/** One Kubernetes API server, spoken to in plain JSON: typed clients lose the fields they do not know. */
export class Cluster {
  readonly #config: KubeConfig;
  #options: Promise<https.RequestOptions> | undefined;
  readonly #kinds = new Map<string, Promise<KubernetesObject>>();

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** @throws NoSuchKindError */
  async isNamespaced(type: Pick<Identity, "apiVersion" | "kind">): Promise<boolean> {
    return (await this.#findKind(type)).namespaced;
  }

  /** @throws ApiError with status 404 where there is none */
  async get(identity: Identity): Promise<KubernetesObject> {
    return this.#send({ method: "GET", path: await this.#path(identity) });
  }

  /** The object, or undefined where there is none. */
  async find(identity: Identity): Promise<KubernetesObject | undefined> {
    return this.get(identity).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** Lists what a path like `/api/v1/namespaces/default/pods` holds. */
  async list(path: string, query: Record<string, string>): Promise<KubernetesObject[]> {
    return listAt(await this.#send({ method: "GET", path, query }), "items") as KubernetesObject[];
  }

  /** Server-side apply: creates the object or makes its fields be what is given. */
  async apply(object: KubernetesObject, identity: Identity, options: ApplyOptions): Promise<KubernetesObject> {
    return this.#send({
      method: "PATCH",
      path: await this.#path(identity),
      query: {
        fieldManager: options.fieldManager,
        force: String(options.force),
        ...(options.dryRun ? { dryRun: "All" } : {}),
      },
      body: object,
      contentType: "application/apply-patch+yaml", // of which JSON is a part
    });
  }

  async delete(identity: Identity, propagationPolicy: string): Promise<void> {
    const body = { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy };
    await this.#send({ method: "DELETE", path: await this.#path(identity), body, contentType: "application/json" });
  }

  async #path(identity: Identity): Promise<string> {
    const { plural, namespaced } = await this.#findKind(identity);
    const namespace = namespaced ? `/namespaces/${encodeURIComponent(identity.namespace || "default")}` : "";
    return `${groupPath(identity.apiVersion)}${namespace}/${plural}/${encodeURIComponent(identity.name)}`;
  }

  async #findKind({ apiVersion, kind }: Pick<Identity, "apiVersion" | "kind">): Promise<ResourceKind> {
    const known = this.#kinds.get(apiVersion) ?? this.#send({ method: "GET", path: groupPath(apiVersion) });
    this.#kinds.set(apiVersion, known);
    try {
      const resources = listAt(await known, "resources") as KubernetesObject[];
      const found = resources.find((resource) => resource.kind === kind && !textAt(resource, "name").includes("/"));
      if (found !== undefined) return { plural: textAt(found, "name"), namespaced: found.namespaced === true };
    } catch (error) {
      this.#kinds.delete(apiVersion);
      if (!isNotFound(error)) throw error;
    }
    this.#kinds.delete(apiVersion); // it may come to be: asked again next time
    throw new NoSuchKindError(`no matches for kind "${kind}" in version "${apiVersion}"`);
  }

  async #send(request: Request): Promise<KubernetesObject> {
    for (let retries = 0; ; retries++) {
      const { status, retryAfter, text } = await this.#exchange(request);
      if (status < 300) return JSON.parse(text) as KubernetesObject;
      if (retryAfter !== undefined && retries < maximumRetries) {
        await sleep(retryAfter * 1000);
        continue;
      }
      throw new ApiError(status, readMessage(status, text));
    }
  }

  async #exchange(request: Request): Promise<{ status: number; retryAfter: number | undefined; text: string }> {
    const server = this.#config.getCurrentCluster()?.server ?? "";
    const url = new URL(`${server.replace(/\/$/, "")}${request.path}`);
    url.search = new URLSearchParams(request.query).toString();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = await (this.#options ??= this.#connectionOptions());
    const headers = {
      ...(options.headers as http.OutgoingHttpHeaders | undefined),
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": request.contentType, "content-length": Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        reject(new UnreachableError(`${url.origin}: ${error.message}`, { cause: error }));
      };
      const send = url.protocol === "http:" ? http.request : https.request;
      const sent = send(url, { ...options, headers, method: request.method }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const retryAfter = response.headers["retry-after"];
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: retryAfter === undefined ? undefined : parseSeconds(retryAfter),
            text: Buffer.concat(chunks).toString("utf8"),
          });
        });
      });
      sent.setTimeout(requestTimeout, () => sent.destroy(new Error(`no answer in ${requestTimeout / 1000} s`)));
      sent.on("error", fail);
      sent.end(body);
    });
  }

  /** Certificates, tokens and one agent, whose connections are kept for the next request. */
  async #connectionOptions(): Promise<https.RequestOptions> {
    const options: https.RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    return options;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Retry-After may also be a date, which the API server does not send. */
function parseSeconds(retryAfter: string): number {
  const seconds = Number(retryAfter);
  return Number.isNaN(seconds) ? 1 : seconds;
}

function readMessage(status: number, text: string): string {
  try {
    return textAt(JSON.parse(text) as PropertyMap, "message") || `HTTP status ${status}`;
  } catch {
    return `HTTP status ${status}: ${text.slice(0, 200)}`;
  }
}
