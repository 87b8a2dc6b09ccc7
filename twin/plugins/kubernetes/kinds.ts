import type { Identity } from "./objects.ts";

/** Kinds of Kubernetes' own API groups that lie in no namespace. */
const clusterScoped = new Set([
  "APIService",
  "CSIDriver",
  "CSINode",
  "CertificateSigningRequest",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "FlowSchema",
  "IngressClass",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass",
  "PriorityLevelConfiguration",
  "RuntimeClass",
  "StorageClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
  "VolumeAttachment",
]);

/** Whether objects of a built-in kind lie in a namespace; undefined for kinds that only a cluster can tell about. */
export function isNamespaced({ apiVersion, kind }: Pick<Identity, "apiVersion" | "kind">): boolean | undefined {
  const group = apiVersion.includes("/") ? apiVersion.replace(/\/.*/, "") : "";
  const builtIn = !group.includes(".") || group.endsWith(".k8s.io");
  return builtIn ? !clusterScoped.has(kind) : undefined;
}

/** Kinds for which the real provider does something that this one does not: waits of its own, or other ways to write. */
const refused: Record<string, "always" | "unless skipAwait"> = {
  CustomResourceDefinition: "always",
  Ingress: "unless skipAwait",
  Pod: "unless skipAwait",
  ReplicationController: "unless skipAwait",
  ResourceQuota: "unless skipAwait",
  StatefulSet: "unless skipAwait",
};

/** Why the offline provider does not take a resource type; undefined when it does. */
export function findRefusal(type: string, skipsAwait: boolean): string | undefined {
  const [, module = "", kind = ""] = type.split(":");
  const notPlainObjects = /^(helm\.sh|kustomize|yaml)(\/|$)/.test(module);
  if (notPlainObjects || kind.endsWith("Patch") || kind.endsWith("List")) return `resource type ${type}`;
  const refusal = Object.hasOwn(refused, kind) ? refused[kind] : undefined;
  if (refusal === "always") return `resource type ${type}`;
  if (refusal === "unless skipAwait" && !skipsAwait) return `waiting for a ${kind} (annotation pulumi.com/skipAwait)`;
  return undefined;
}
