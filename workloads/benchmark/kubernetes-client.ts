import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { LeaseConflict, type Lease, type LeaseClient } from "./lease.ts";

/** How to reach a Kubernetes API server and who one is there: by a bearer token or a client certificate. */
export interface KubernetesConnection {
  /** https://host:port */
  readonly server: string;
  /** PEM of the authorities that the server's certificate must come from. */
  readonly ca: string;
  /** Read anew for each request: a pod's token is replaced about once an hour. */
  readonly token?: () => string;
  /** PEM of the client's certificate and key. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** Milliseconds for one request. */
const timeout = 5_000;

/** Where Kubernetes mounts a pod's service account. */
export const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The connection of a pod, by its service account. */
export function inClusterConnection(environment: NodeJS.ProcessEnv, directory: string): KubernetesConnection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) throw new Error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod");
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: readFileSync(join(directory, "ca.crt"), "utf8"),
    token: () => readFileSync(join(directory, "token"), "utf8").trim(),
  };
}

/** A Lease by namespace and name. Its calls fail within seconds; a 409 becomes a LeaseConflict. */
export function leaseClient(connection: KubernetesConnection, lease: { namespace: string; name: string }): LeaseClient {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${lease.namespace}/leases/${lease.name}`;
  const url = new URL(path, connection.server);
  const agent = new Agent({
    keepAlive: true,
    ca: connection.ca,
    cert: connection.client?.certificate,
    key: connection.client?.key,
  });
  return {
    get: () => call(agent, connection, url, "GET"),
    update: (lease) => call(agent, connection, url, "PUT", lease),
  };
}

async function call(
  agent: Agent,
  { token }: KubernetesConnection,
  url: URL,
  method: string,
  body?: Lease,
): Promise<Lease> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token()}` };
  const headers = { accept: "application/json", "content-type": "application/json", ...authorization };
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request(url, { method, agent, headers, signal: AbortSignal.timeout(timeout) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  if (status === 409) throw new LeaseConflict("somebody else wrote the lease");
  if (status !== 200) throw new Error(`${method} ${url.pathname}: HTTP ${status}: ${messageOf(text)}`);
  return JSON.parse(text) as Lease;
}

/** The message of a Kubernetes Status, or the beginning of whatever answered instead. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // not a Status
  }
  return text.slice(0, 300);
}
