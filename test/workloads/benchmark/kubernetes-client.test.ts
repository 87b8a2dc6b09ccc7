import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { renderKubeconfig } from "../../../stacks/keys/kubeconfig.ts";
import { connectionOf } from "../../../workloads/benchmark/kubeconfig.ts";
import { inClusterConnection, leaseClient } from "../../../workloads/benchmark/kubernetes-client.ts";
import { LeaseConflict, measurementLease } from "../../../workloads/benchmark/lease.ts";
import { certificate, fakeApiServer, FakeLease, key } from "./fake-lease.ts";

test("a pod reads and writes the lease by its service account, whose token is read anew", async (t) => {
  const server = await fakeApiServer(new FakeLease(), "second");
  const directory = mkdtempSync(join(tmpdir(), "service-account-"));
  t.teardown(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, "ca.crt"), certificate);
  writeFileSync(join(directory, "token"), "first\n");
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(server.port) };
  const client = leaseClient(inClusterConnection(environment, directory), measurementLease);
  await t.throwsAsync(client.get(), { message: /HTTP 401: Unauthorized/ });
  writeFileSync(join(directory, "token"), "second\n");
  const lease = await client.get();
  const written = await client.update({ ...lease, spec: { holderIdentity: "a" } });
  t.is(written.spec?.holderIdentity, "a");
  await t.throwsAsync(client.update(lease), { instanceOf: LeaseConflict });
});

test("a person's computer does by a site's kubeconfig", async (t) => {
  const server = await fakeApiServer(new FakeLease(), "unused");
  t.teardown(() => {
    server.close();
  });
  const url = `https://localhost:${server.port}`;
  const kubeconfig = renderKubeconfig({
    name: "lab",
    server: url,
    authority: certificate,
    client: { certificate, key },
  });
  const client = leaseClient(connectionOf(kubeconfig), measurementLease);
  t.is((await client.get()).metadata.name, "measurement");
});

test("a server with another authority's certificate is refused", async (t) => {
  const server = await fakeApiServer(new FakeLease(), "unused");
  t.teardown(() => {
    server.close();
  });
  const client = leaseClient(
    { server: `https://127.0.0.1:${server.port}`, ca: "", token: () => "x" },
    measurementLease,
  );
  await t.throwsAsync(client.get(), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
});
