import { apiKeysFile } from "./api-keys.ts";

/** A model as the proxy sees it. */
export interface ProxiedModel {
  /** A DNS name that leads to each of its pods (a headless Service's), or an address. */
  readonly host: string;
  readonly port: number;
  /** The most pods that it has at once. */
  readonly replicas: number;
  /** Requests that one pod answers at once. */
  readonly parallel: number;
  /** Requests that wait for a free pod; a further one is told to come back. */
  readonly queue: number;
}

export interface ProxyConfigArguments {
  /** By label: clients ask each at /<label>/v1/... */
  readonly models: Readonly<Record<string, ProxiedModel>>;
  /** The label of the model that also answers at /v1/... */
  readonly defaultModel: string;
  /** Where it listens: for clients, and for Prometheus. */
  readonly addresses: { readonly api: string; readonly metrics: string };
  readonly keysFile: string;
}

/** Where a pod's proxy listens. Above 1023: it has no rights. */
export const proxyPorts = { api: 8080, metrics: 9102 } as const;

export const podAddresses = {
  addresses: { api: `:${proxyPorts.api}`, metrics: `:${proxyPorts.metrics}` },
  keysFile: apiKeysFile,
} as const;

/** Seconds that a board may think before the first word, and between two: a long prompt takes minutes. */
export const answerTimeout = 600;

/** Seconds after which a client that was turned away may try again. */
const retryAfter = 10;

/** The paths of OpenAI's interface that Ollama has (server/routes.go). None of its own, which could delete models. */
const endpoints = "(chat/completions|completions|embeddings|responses|models/[A-Za-z0-9._:-]+)";

/** What clients get that no model answered. */
const errors = {
  400: ["the request is no HTTP that this server reads", "invalid_request_error", "bad_request"],
  408: ["the request did not arrive in time", "invalid_request_error", "request_timeout"],
  500: ["the proxy failed", "server_error", "internal_error"],
  502: ["the model's server broke off", "server_error", "bad_gateway"],
  503: ["the model is not there or has too much to do; try again later", "server_error", "overloaded"],
  504: [`the model was silent for ${answerTimeout} seconds`, "server_error", "timeout"],
} as const;

/**
 * HAProxy's configuration (2.5 or newer: http_auth_bearer). It knows clients by the hashes of their API keys, so that no key is in
 * its files, its memory of requests passed on, or its log. Each pod of a model gets no more requests than it answers at once; the
 * rest wait here for the first that is free, since Ollama's own queue would bind them to a pod that is busy.
 */
export function renderProxyConfig({ models, defaultModel, addresses, keysFile }: ProxyConfigArguments): string {
  const labels = Object.keys(models);
  for (const [label, model] of Object.entries(models)) check(label, model);
  if (!labels.includes(defaultModel)) throw new Error(`${defaultModel} is none of the proxy's models`);
  for (const text of [addresses.api, addresses.metrics, keysFile])
    if (!/^[A-Za-z0-9./:_-]+$/.test(text)) throw new Error(`${text} would break the proxy's configuration`);

  return `global
  log stdout format raw local0 info
  maxconn 512
  nbthread 1
  hard-stop-after ${answerTimeout + 30}s

defaults
  mode http
  log global
  option dontlognull
  # A word goes out when it is there.
  option http-no-delay
  # Only where no connection was made: an answer that was begun is never asked for twice.
  option redispatch
  retries 2
  timeout connect 5s
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout queue 120s
  timeout client ${answerTimeout}s
  timeout server ${answerTimeout}s
${Object.keys(errors)
  .map((status) => `  http-error status ${status} ${errorReply(Number(status) as keyof typeof errors)}\n`)
  .join("")}
# The cluster's DNS, by the pod's own /etc/resolv.conf.
resolvers cluster
  parse-resolv-conf
  accepted_payload_size 8192
  resolve_retries 3
  timeout resolve 1s
  timeout retry 1s
  hold valid 5s

frontend api
  bind ${addresses.api}
  # One line of JSON a request, with neither bodies nor headers nor what follows a question mark.
  log-format '{"client":"%[var(txn.client)]","from":"%ci","method":"%HM","path":"%[var(txn.path)]","status":%ST,"backend":"%b","pod":"%s","bytes":%B,"queuedMs":%Tw,"firstMs":%Tr,"totalMs":%Ta,"end":"%ts"}'
  monitor-uri /healthz
  http-request set-var(txn.path) path,json(utf8s)
  http-request set-var(txn.client) http_auth_bearer,sha2(256),hex,lower,map_str(${keysFile})
  http-request return status 401 ${reply("this needs an API key: Authorization: Bearer <key>", "invalid_request_error", "invalid_api_key")} hdr WWW-Authenticate Bearer unless { var(txn.client) -m found }
  http-request del-header authorization
  # Answered here: the list would wait behind long answers, and clients ask for it when they start.
  http-request return status 200 ${modelList(defaultModel)} if { path /v1/models }
${labels.map((label) => `  http-request return status 200 ${modelList(label)} if { path /${label}/v1/models }\n`).join("")}${labels.map((label) => `  acl is-${label} path_reg ^/${label}/v1/${endpoints}$\n`).join("")}  acl is-default path_reg ^/v1/${endpoints}$
${labels.map((label) => `  use_backend model-${label} if is-${label}\n`).join("")}  use_backend model-${defaultModel} if is-default
  default_backend nothing

${Object.entries(models)
  .map(([label, model]) => renderBackend(label, model))
  .join("\n")}
backend nothing
  http-request return status 404 ${reply(`there are /v1/... and /<model>/v1/... with these models: ${labels.join(", ")}`, "invalid_request_error", "not_found")}

frontend metrics
  bind ${addresses.metrics}
  no log
  http-request use-service prometheus-exporter if { path /metrics }
  http-request return status 404
`;
}

function renderBackend(label: string, { host, port, replicas, parallel, queue }: ProxiedModel): string {
  const name = `model-${label}`;
  return `backend ${name}
  balance leastconn
  option httpchk GET /api/version
  http-request return status 503 ${errorReply(503)} if { queue(${name}) ge ${queue} }
  http-request replace-path ^/${label}(/v1/.*)$ \\1
  server-template pod ${replicas} ${host}:${port} resolvers cluster init-addr none check inter 5s fall 2 rise 1 maxconn ${parallel}
`;
}

/** The models of a path, as OpenAI's interface lists them. */
function modelList(label: string): string {
  return json({ object: "list", data: [{ id: label, object: "model", created: 0, owned_by: "library" }] });
}

function errorReply(status: keyof typeof errors): string {
  const [message, type, code] = errors[status];
  const later = status === 503 ? ` hdr Retry-After ${retryAfter}` : "";
  return `${reply(message, type, code)}${later}`;
}

/** An error as OpenAI's clients read it. */
function reply(message: string, type: string, code: string): string {
  return json({ error: { message, type, param: null, code } });
}

/** Nothing but a quote ends a quoted text of HAProxy's. */
function json(body: unknown): string {
  return `content-type application/json string '${JSON.stringify(body).replaceAll("'", "\\u0027")}'`;
}

/** Names were checked with the configuration; what would break this one must not get here by another way. */
function check(label: string, { host, port, ...numbers }: ProxiedModel): void {
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) throw new Error(`${label} is no label of a model`);
  if (label === "v1") throw new Error("a model named v1 would hide the default model's paths");
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)) throw new Error(`${host} is no host of a model's pods`);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`${port} is no port`);
  for (const [what, value] of Object.entries(numbers))
    if (!Number.isInteger(value) || value < 1) throw new Error(`${what} of model ${label} is ${String(value)}`);
}
