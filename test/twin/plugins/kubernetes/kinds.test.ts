import test from "ava";
import { findRefusal, isNamespaced } from "../../../../twin/plugins/kubernetes/kinds.ts";
import { parseType } from "../../../../twin/plugins/kubernetes/objects.ts";

test("built-in kinds lie in namespaces or not; of others only the cluster knows", (t) => {
  const type = (token: string) => isNamespaced(parseType(token));
  t.true(type("kubernetes:core/v1:ConfigMap"));
  t.true(type("kubernetes:apps/v1:Deployment"));
  t.true(type("kubernetes:coordination.k8s.io/v1:Lease"));
  t.false(type("kubernetes:core/v1:Namespace"));
  t.false(type("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"));
  t.is(type("kubernetes:example.com/v1:Thing"), undefined);
});

test("what this provider would do differently from the real one is refused", (t) => {
  for (const type of [
    "helm.sh/v3:Release",
    "helm.sh/v4:Chart",
    "yaml/v2:ConfigGroup",
    "kustomize/v2:Directory",
    "core/v1:ConfigMapPatch",
    "core/v1:ConfigMapList",
    "apiextensions.k8s.io/v1:CustomResourceDefinition",
  ]) {
    t.is(findRefusal(`kubernetes:${type}`, true), `resource type kubernetes:${type}`);
  }
  for (const type of ["apps/v1:StatefulSet", "core/v1:Pod", "networking.k8s.io/v1:Ingress"]) {
    t.regex(findRefusal(`kubernetes:${type}`, false) ?? "", /^waiting for a /);
    t.is(findRefusal(`kubernetes:${type}`, true), undefined);
  }
  for (const type of ["core/v1:ConfigMap", "batch/v1:Job", "apps/v1:DaemonSet", "policy/v1:PodDisruptionBudget"]) {
    t.is(findRefusal(`kubernetes:${type}`, false), undefined);
  }
});
