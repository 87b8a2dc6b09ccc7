import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { renderNginxConfig } from "../../../workloads/registry/nginx-config.ts";
import { testWithTools } from "../../with-tools.ts";

/** nginx as it is configured, before a server that says which requests reached it. */
async function registry(t: ExecutionContext, writers: readonly string[]) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
    request.resume().on("end", () => response.end("blob"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const directory = mkdtempSync(join(tmpdir(), "nginx-"));
  const probe = createTcpServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const listen = `127.0.0.1:${(probe.address() as AddressInfo).port}`;
  probe.close();
  await once(probe, "close");
  const backend = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(directory, "nginx.conf");
  writeFileSync(file, renderNginxConfig({ listen, backend, directory, writers }));
  const path = [process.env.PATH, "/usr/sbin"].join(delimiter);
  const child = spawn("nginx", ["-p", directory, "-c", file, "-e", "stderr"], { env: { ...process.env, PATH: path } });
  let log = "";
  child.stderr.on("data", (part: Buffer) => (log += part.toString()));
  const exited = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGTERM");
    server.closeAllConnections();
    server.close();
    await exited;
    rmSync(directory, { recursive: true });
  });
  const url = `http://${listen}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${log}`);
    if (await fetch(`${url}/v2/`).then(Boolean, () => false)) break;
    await sleep(20);
  }
  seen.length = 0;
  return { url, seen };
}

const blob = `/v2/library/gemma3/blobs/sha256:${"a".repeat(64)}`;

testWithTools(["nginx"], "a blob's answer says where the blob is, and no other answer does", async (t) => {
  const { url } = await registry(t, []);
  for (const method of ["GET", "HEAD"]) t.is((await fetch(`${url}${blob}`, { method })).headers.get("location"), blob);
  for (const path of ["/v2/", "/v2/library/gemma3/manifests/270m"])
    t.is((await fetch(`${url}${path}`)).headers.get("location"), null, path);
});

testWithTools(["nginx"], "who is not named may not push, who is may, a blob of any size", async (t) => {
  const upload = "/v2/library/gemma3/blobs/uploads/";
  const refusing = await registry(t, ["192.0.2.1"]);
  for (const path of [upload, blob])
    t.is((await fetch(`${refusing.url}${path}`, { method: "PUT", body: "x" })).status, 403);
  t.is((await fetch(`${refusing.url}${blob}`, { method: "DELETE" })).status, 403);
  t.deepEqual(refusing.seen, []);
  const taking = await registry(t, ["127.0.0.0/8"]);
  t.is((await fetch(`${taking.url}${upload}`, { method: "POST", body: Buffer.alloc(3_000_000) })).status, 200);
  t.deepEqual(taking.seen, [`POST ${upload}`]);
});
