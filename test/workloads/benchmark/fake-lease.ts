import { createServer } from "node:https";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { root } from "../../../stacks/root.ts";
import { LeaseConflict, stateOf, type Lease, type LeaseClient } from "../../../workloads/benchmark/lease.ts";

/** A Lease in memory with the API server's optimistic concurrency. */
export class FakeLease implements LeaseClient {
  /** Every holder there was, in order. */
  readonly holders: string[] = [];
  /** While set, all calls fail with it. */
  failure: Error | undefined;
  #lease: Lease = { metadata: { name: "measurement", resourceVersion: "1" } };

  get current() {
    return this.#lease;
  }

  get(): Promise<Lease> {
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(structuredClone(this.#lease));
  }

  update(lease: Lease): Promise<Lease> {
    if (this.failure) return Promise.reject(this.failure);
    if (lease.metadata.resourceVersion !== this.#lease.metadata.resourceVersion)
      return Promise.reject(new LeaseConflict("conflict"));
    const before = stateOf(this.#lease).holder?.id;
    const resourceVersion = String(Number(this.#lease.metadata.resourceVersion) + 1);
    this.#lease = structuredClone({ ...lease, metadata: { ...lease.metadata, resourceVersion } });
    const after = stateOf(lease).holder?.id;
    if (after !== undefined && after !== before) this.holders.push(after);
    return this.get();
  }
}

const tls = join(root, "test/fixtures/tls");
export const certificate = readFileSync(join(tls, "localhost.crt"), "utf8");
export const key = readFileSync(join(tls, "localhost.key"), "utf8");

/** An API server that serves one Lease to whoever brings the token or the certificate. */
export async function fakeApiServer(lease: FakeLease, token: string) {
  const path = "/apis/coordination.k8s.io/v1/namespaces/bramble/leases/measurement";
  const options = { cert: certificate, key, ca: certificate, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    let text = "";
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      const byCertificate = "authorized" in request.socket && request.socket.authorized === true;
      if (request.headers.authorization !== `Bearer ${token}` && !byCertificate) {
        answer(401, { kind: "Status", message: "Unauthorized" });
        return;
      }
      if (request.url !== path) {
        answer(404, { kind: "Status", message: "no such lease" });
        return;
      }
      const done = request.method === "PUT" ? lease.update(JSON.parse(text) as Lease) : lease.get();
      return void done.then(
        (body) => {
          answer(200, body);
        },
        (error: unknown) => {
          answer(error instanceof LeaseConflict ? 409 : 500, { message: String(error) });
        },
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
