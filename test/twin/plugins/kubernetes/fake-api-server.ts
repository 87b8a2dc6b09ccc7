import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { KubernetesObject } from "../../../../twin/plugins/kubernetes/objects.ts";
import { textAt } from "../../../../twin/plugins/kubernetes/objects.ts";

const kinds: Record<string, { kind: string; name: string; namespaced: boolean }[]> = {
  "/api/v1": [
    { kind: "ConfigMap", name: "configmaps", namespaced: true },
    { kind: "Namespace", name: "namespaces", namespaced: false },
    { kind: "Secret", name: "secrets", namespaced: true },
    { kind: "Service", name: "services", namespaced: true },
    { kind: "Service", name: "services/status", namespaced: true },
  ],
  "/apis/apps/v1": [{ kind: "Deployment", name: "deployments", namespaced: true }],
  "/apis/batch/v1": [{ kind: "Job", name: "jobs", namespaced: true }],
};

export interface FakeRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  contentType: string;
}

/**
 * As much of an API server as the provider speaks to: discovery, apply, get, delete and list, over HTTP on loopback. What
 * controllers would do, a test does with {@link FakeApiServer.objects}.
 */
export class FakeApiServer {
  /** By path, as in `/api/v1/namespaces/lab/configmaps/x`. */
  readonly objects = new Map<string, KubernetesObject>();
  /** What listing a path gives: Pods, events, endpoint slices. */
  readonly lists = new Map<string, KubernetesObject[]>();
  readonly requests: FakeRequest[] = [];
  /** Answers instead of the server, by `METHOD path`; each once. */
  readonly refusals = new Map<string, { status: number; message: string; retryAfter?: string }>();
  /** Paths of objects that stay when deleted, as with a finalizer. */
  readonly sticky = new Set<string>();
  #uid = 0;
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(({ status, body, retryAfter }) => {
      if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown; retryAfter?: string | undefined }> {
    const url = new URL(request.url ?? "", "http://fake");
    const path = decodeURIComponent(url.pathname);
    const method = request.method ?? "";
    const body = await readBody(request);
    const query = Object.fromEntries(url.searchParams);
    this.requests.push({ method, path, query, contentType: request.headers["content-type"] ?? "" });
    const refusal = this.refusals.get(`${method} ${path}`);
    if (refusal !== undefined) {
      this.refusals.delete(`${method} ${path}`);
      return { status: refusal.status, body: { message: refusal.message }, retryAfter: refusal.retryAfter };
    }
    if (path in kinds) return { status: 200, body: { resources: kinds[path] } };
    const list = this.lists.get(path);
    if (list !== undefined) return { status: 200, body: { items: list } };
    const existing = this.objects.get(path);
    if (method === "PATCH") return this.#apply(path, body ?? {}, existing, query.dryRun === "All");
    if (existing === undefined) return { status: 404, body: { message: `${path} not found` } };
    if (method === "DELETE" && !this.sticky.has(path)) this.objects.delete(path);
    return { status: 200, body: existing };
  }

  #apply(path: string, wanted: KubernetesObject, existing: KubernetesObject | undefined, dryRun: boolean) {
    const namespace = /^(\/api\/v1\/namespaces\/[^/]+)\//.exec(path)?.[1];
    if (namespace !== undefined && !this.objects.has(namespace))
      return { status: 404, body: { message: `${namespace} not found` } };
    const generation = Number(textAt(existing, "metadata", "resourceVersion") || "0") + 1;
    const applied = {
      ...wanted,
      metadata: {
        ...(wanted.metadata as KubernetesObject),
        uid: textAt(existing, "metadata", "uid") || `uid-${++this.#uid}`,
        resourceVersion: String(generation),
        generation,
      },
      status: existing?.status ?? {},
    };
    if (!dryRun) this.objects.set(path, applied);
    return { status: existing === undefined ? 201 : 200, body: applied };
  }
}

async function readBody(request: IncomingMessage): Promise<KubernetesObject | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as KubernetesObject);
}
