import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { renderRegistry, registryStore, type RegistryArguments } from "../../../workloads/registry/registry.ts";
import { matchesGolden } from "../../golden.ts";

const site: RegistryArguments = {
  namespace: "bramble",
  images: { registry: "docker.io/library/registry:3", nginx: "docker.io/library/nginx:1.28" },
  node: "pi1",
  path: registryStore,
  port: 5000,
  writers: ["192.168.7.2"],
  upstream: null,
};

function configOf(change: Partial<RegistryArguments>): Record<string, unknown> {
  return JSON.parse(renderRegistry({ ...site, ...change }).configMap.data["registry.json"]) as Record<string, unknown>;
}

test("the manifests are as they were", (t) => {
  const documents = Object.values(renderRegistry(site)).map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/registry.yaml", documents.join("---\n"));
});

test("with nobody who may push, the registry itself refuses to be written to as well", (t) => {
  t.like(configOf({ writers: [] }), { storage: { maintenance: { readonly: { enabled: true } } } });
  t.like(configOf({}), { storage: { maintenance: { readonly: { enabled: false } } } });
});

test("a copy of another registry keeps what it fetched, and may write it", (t) => {
  const upstream = "https://models.example.org";
  t.like(configOf({ upstream, writers: [] }), {
    proxy: { remoteurl: upstream, ttl: 0 },
    storage: { maintenance: { readonly: { enabled: false } } },
  });
  t.false("proxy" in configOf({}));
});

test("nginx asks the registry where it listens, and the node's port leads to nginx", (t) => {
  const { configMap, deployment, service } = renderRegistry({ ...site, port: 5005 });
  const { http } = configOf({}) as { http: { addr: string } };
  t.true(configMap.data["nginx.conf"].includes(`proxy_pass http://${http.addr};`));
  t.true(configMap.data["nginx.conf"].includes("listen 5005;"));
  const ports = deployment.spec.template.spec.containers.flatMap((container) =>
    "ports" in container ? container.ports : [],
  );
  t.deepEqual(ports, [{ name: "http", containerPort: 5005, hostPort: 5005 }]);
  t.is(service.spec.ports[0]?.targetPort, 5005);
});

test("another configuration starts the pod anew, the same one does not", (t) => {
  const template = (change: Partial<RegistryArguments>) =>
    renderRegistry({ ...site, ...change }).deployment.spec.template;
  t.deepEqual(template({}), template({}));
  t.notDeepEqual(template({}), template({ writers: [] }));
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { configMap, deployment, service } = renderRegistry(site);
  const taken: [types.input.core.v1.ConfigMap, types.input.apps.v1.Deployment, types.input.core.v1.Service] = [
    configMap,
    deployment,
    service,
  ];
  t.is(taken.length, 3);
});
