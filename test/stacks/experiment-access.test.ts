import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { renderExperimentAccess } from "../../stacks/experiment-access.ts";
import { matchesGolden } from "../golden.ts";

test("an experiment gets a namespace and rights in it, and turns at measuring", (t) => {
  const { namespace, role, binding, turns } = renderExperimentAccess("threads-1");
  const documents = [namespace, role, binding, turns].map((manifest) => stringify(manifest, { lineWidth: 0 }));
  matchesGolden(t, "experiment-access.yaml", documents.join("---\n"));
});

test("no right reaches beyond the namespace, and none over others' rights", (t) => {
  const { role, binding } = renderExperimentAccess("threads-1");
  t.is(role.metadata.namespace, "threads-1");
  t.is(binding.roleRef.kind, "Role");
  const dangerous = [
    "secrets",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "serviceaccounts/token",
    "roles",
    "nodes",
    "*",
  ];
  for (const { apiGroups, resources, verbs } of role.rules) {
    t.false(apiGroups.some((group) => group === "*" || group === "rbac.authorization.k8s.io"));
    for (const resource of dangerous) t.false(resources.includes(resource), resource);
    for (const verb of ["*", "impersonate", "escalate", "bind"]) t.false(verbs.includes(verb), verb);
  }
});

test("Pulumi's types take the objects as they are", (t) => {
  const { namespace, role, binding, turns } = renderExperimentAccess("threads-1");
  const taken: [
    types.input.core.v1.Namespace,
    types.input.rbac.v1.Role,
    types.input.rbac.v1.RoleBinding,
    types.input.rbac.v1.RoleBinding,
  ] = [namespace, role, binding, turns];
  t.is(taken.length, 4);
});
