import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { renderApiClients } from "../../../workloads/serving/api-keys.ts";
import { renderProxyConfig } from "../../../workloads/serving/proxy-config.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleClients, exampleKey, exampleProxyConfig } from "./example-proxy.ts";

const environment = { ...process.env, PATH: [process.env.PATH, "/usr/sbin"].join(delimiter) };

function files(t: ExecutionContext, change: Partial<Parameters<typeof renderProxyConfig>[0]>): string {
  const directory = mkdtempSync(join(tmpdir(), "proxy-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const keysFile = join(directory, "clients.map");
  const file = join(directory, "haproxy.cfg");
  writeFileSync(keysFile, renderApiClients(exampleClients));
  writeFileSync(file, renderProxyConfig({ ...exampleProxyConfig, ...change, keysFile }));
  return file;
}

/** A port of this machine that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** HAProxy before a server that answers as given, with two models: `assistant`, and `gone`, which has no pod. */
async function proxied(t: ExecutionContext, answer: Answer) {
  const server = createServer((request, response) => {
    if (request.url === "/api/version") response.end("{}");
    else answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [api, metrics, nobody] = [await freePort(), await freePort(), await freePort()];
  const model = { host: "127.0.0.1", port: (server.address() as AddressInfo).port, replicas: 1, parallel: 1, queue: 1 };
  const file = files(t, {
    models: { assistant: model, gone: { ...model, port: nobody } },
    addresses: { api: `127.0.0.1:${api}`, metrics: `127.0.0.1:${metrics}` },
  });
  const child = spawn("haproxy", ["-db", "-f", file], { env: environment });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (log += part.toString()));
  const exited = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGTERM");
    server.closeAllConnections();
    server.close();
    await exited;
  });
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const ask = (path: string, init: RequestInit & { key?: string | null } = {}) => {
    const { key = exampleKey, ...rest } = init;
    const headers = key === null ? undefined : { authorization: `Bearer ${key}` };
    return fetch(`${at(api)}${path}`, { method: "POST", body: "{}", ...(headers && { headers }), ...rest });
  };
  const metric = async (name: string) => {
    const text = await (await fetch(`${at(metrics)}/metrics`)).text();
    return Number(new RegExp(`^${name}{proxy="model-assistant"} (\\S+)$`, "m").exec(text)?.[1]);
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${log}`);
    return await fetch(`${at(api)}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return { ask, metric, metricsUrl: at(metrics), log: () => log };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}

testWithTools(["haproxy"], "HAProxy takes the configuration as it goes into the cluster, and warns of nothing", (t) => {
  const { status, stdout, stderr } = spawnSync("haproxy", ["-c", "-f", files(t, {})], { env: environment });
  t.is(status, 0, stderr.toString());
  t.regex(`${stdout.toString()}${stderr.toString()}`, /Configuration file is valid/);
  t.notRegex(stderr.toString(), /WARNING/);
});

testWithTools(["haproxy"], "only who has a key gets to a model, and the key goes no further", async (t) => {
  const seen: { url: string | undefined; headers: IncomingMessage["headers"] }[] = [];
  const { ask, log } = await proxied(t, ({ url, headers }, response) => {
    seen.push({ url, headers });
    response.end('{"choices":[]}');
  });
  for (const key of [null, "", "sk-wrong", exampleKey.slice(1), `${exampleKey}x`, exampleClients.alice]) {
    const refused = await ask("/v1/chat/completions", { key });
    t.is(refused.status, 401, String(key));
    t.like(await refused.json(), { error: { code: "invalid_api_key", type: "invalid_request_error" } });
  }
  t.is((await ask("/v1/chat/completions", { key: null, headers: { authorization: "Basic YTpi" } })).status, 401);
  t.deepEqual(seen, []);

  const answered = await ask("/v1/chat/completions?secret=1");
  t.is(answered.status, 200);
  t.deepEqual(await answered.json(), { choices: [] });
  t.is((await ask("/assistant/v1/completions", { key: `${exampleKey}-of-another` })).status, 200);
  t.deepEqual(
    seen.map(({ url, headers }) => [url, headers.authorization]),
    [
      ["/v1/chat/completions?secret=1", undefined],
      ["/v1/completions", undefined],
    ],
  );
  await until(() => Promise.resolve(log().includes('"client":"web-ui"')));
  const lines = log()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.true(
    lines.some(({ client, path, status }) => client === "alice" && path === "/v1/chat/completions" && status === 200),
  );
  t.false(log().includes(exampleKey) || log().includes("secret"));
});

testWithTools(["haproxy"], "nothing of Ollama's own interface can be reached, nor another path", async (t) => {
  const { ask } = await proxied(t, (_request, response) => {
    t.fail();
    response.end();
  });
  for (const path of [
    "/",
    "/api/tags",
    "/api/delete",
    "/assistant/api/delete",
    "/nobody/v1/completions",
    "/v1/",
    "/v1/x",
  ])
    t.is((await ask(path)).status, 404, path);
  for (const path of ["/v1/%2e%2e/api/delete", "/v1/models/%2e%2e/%2e%2e/api/tags", "/assistant/v1/completions/"])
    t.is((await ask(path)).status, 404, path);
});

testWithTools(["haproxy"], "models are listed by the proxy itself, under each path its own", async (t) => {
  const { ask } = await proxied(t, (_request, response) => {
    t.fail();
    response.end();
  });
  const list = async (path: string) =>
    ((await (await ask(path, { method: "GET", body: null })).json()) as { data: { id: string }[] }).data.map(
      ({ id }) => id,
    );
  t.deepEqual(await list("/v1/models"), ["assistant"]);
  t.deepEqual(await list("/gone/v1/models"), ["gone"]);
  t.is((await ask("/v1/models", { method: "GET", body: null, key: null })).status, 401);
});

testWithTools(["haproxy"], "each word of an answer arrives when it is there, not with the last one", async (t) => {
  const answers: ServerResponse[] = [];
  const { ask } = await proxied(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
    answers.push(response);
  });
  const { body } = await ask("/v1/chat/completions");
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  // The server has not written more, and will not before this was read.
  t.is(await read(), "data: first\n\n");
  answers[0]?.end("data: [DONE]\n\n");
  t.is(await read(), "data: [DONE]\n\n");
});

testWithTools(["haproxy"], "a pod gets one request at once, one waits, and a third is told to come back", async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, metric } = await proxied(t, (_request, response) => waiting.push(response));
  const first = ask("/v1/chat/completions");
  await until(() => Promise.resolve(waiting.length === 1));
  const second = ask("/v1/chat/completions");
  await until(async () => (await metric("haproxy_backend_current_queue")) === 1);
  const third = await ask("/v1/chat/completions");
  t.is(third.status, 503);
  t.regex(third.headers.get("retry-after") ?? "", /^\d+$/);
  t.like(await third.json(), { error: { code: "overloaded" } });
  t.is(waiting.length, 1);
  waiting[0]?.end("1");
  t.is(await (await first).text(), "1");
  await until(() => Promise.resolve(waiting.length === 2));
  waiting[1]?.end("2");
  t.is(await (await second).text(), "2");
});

testWithTools(["haproxy"], "a model without a pod is an error that says so, and the others go on", async (t) => {
  const { ask } = await proxied(t, (_request, response) => response.end("{}"));
  const gone = await ask("/gone/v1/chat/completions");
  t.is(gone.status, 503);
  t.regex(gone.headers.get("retry-after") ?? "", /^\d+$/);
  t.is((await ask("/v1/chat/completions")).status, 200);
});

testWithTools(
  ["haproxy"],
  "Prometheus reads metrics of each model without a key, and nothing else there",
  async (t) => {
    const { ask, metricsUrl, metric } = await proxied(t, (_request, response) => response.end("{}"));
    await (await ask("/v1/chat/completions")).text();
    await until(async () => (await metric("haproxy_backend_http_requests_total")) === 1);
    t.is((await fetch(`${metricsUrl}/v1/models`)).status, 404);
  },
);
