import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { benchmarkAccount } from "../../workloads/benchmark/job.ts";
import { measurementLease } from "../../workloads/benchmark/lease.ts";
import { experimentUser } from "../../stacks/experiment-access.ts";
import { recordResources } from "./recorded-resources.ts";

const recorded = await recordResources("barn");
const { clusterProvider } = await import("../../stacks/cluster-provider.ts");
const { makeSharedObjects } = await import("../../stacks/shared-objects.ts");
const parent = new pulumi.ComponentResource("bramble:site:Site", "barn");
const provider = clusterProvider("barn", { name: "barn", kubeconfig: pulumi.secret("the kubeconfig") }, { parent });
const shared = makeSharedObjects(
  {
    experiments: ["threads-1", "threads-2"],
    registry: { node: "pi-1", port: 5000, images: { registry: "registry:3", nginx: "nginx:1.28" }, writers: [] },
  },
  provider,
  parent,
);
const made = [provider, ...shared];
const urns = await Promise.all(
  made.map(
    ({ urn }) =>
      new Promise<string>(
        (resolve) =>
          void urn.apply((value) => {
            resolve(value);
          }),
      ),
  ),
);

interface Manifest {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly {
    readonly resources: string[];
    readonly resourceNames?: string[];
    readonly verbs: string[];
  }[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}
const objects = recorded.map(({ type, inputs }) => ({
  kind: type.split(":").at(-1),
  ...(inputs as unknown as Manifest),
}));

test("all that is made is told of, for others to depend on", (t) => {
  const all = recorded.filter(({ custom }) => custom).map(({ urn }) => urn);
  t.deepEqual(urns.toSorted(), all.toSorted());
});

test("a benchmark may take its turn at measuring, and nothing else", (t) => {
  const bindings = objects.filter(({ subjects }) => subjects?.some(({ name }) => name === benchmarkAccount) === true);
  t.deepEqual(
    bindings.map(({ kind, metadata, roleRef }) => [kind, metadata.namespace, roleRef?.kind, roleRef?.name]),
    ["threads-1", "threads-2"].map(() => ["RoleBinding", "bramble", "Role", "measurement"]),
  );
  t.deepEqual(
    bindings.flatMap(({ subjects = [] }) => subjects.filter(({ kind }) => kind === "ServiceAccount")),
    ["threads-1", "threads-2"].map((namespace) => ({ kind: "ServiceAccount", name: benchmarkAccount, namespace })),
  );
  const role = objects.find(({ kind, metadata }) => kind === "Role" && metadata.name === measurementLease.name);
  t.is(role?.metadata.namespace, measurementLease.namespace);
  t.deepEqual(role?.rules, [
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: ["measurement"],
      verbs: ["get", "update"],
    },
  ] as unknown as Manifest["rules"]);
});

test("an experiment's user is bound to its own namespace and to the turns, by no ClusterRole", (t) => {
  const bindings = objects.filter(
    ({ subjects }) => subjects?.some(({ name }) => name === experimentUser("threads-1")) === true,
  );
  t.deepEqual(
    bindings.map(({ kind, metadata, roleRef }) => [kind, metadata.namespace, roleRef?.kind, roleRef?.name]).sort(),
    [
      ["RoleBinding", "bramble", "Role", "measurement"],
      ["RoleBinding", "threads-1", "Role", "experiment"],
    ],
  );
  t.false(objects.some(({ kind }) => kind?.startsWith("ClusterRole") === true));
});

test("what the Lease says is left to its holders", (t) => {
  const lease = objects.find(({ kind }) => kind === "Lease");
  t.deepEqual(lease?.metadata, { ...measurementLease });
  t.false("spec" in (lease ?? {}));
});
