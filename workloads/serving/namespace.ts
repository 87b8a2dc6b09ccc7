/** The namespace of a site's served models. */
export const servingNamespace = "models";

/** The namespace, and what holds for all its pods: nobody reaches one, and none reaches out, but as another policy says. */
export function renderServingNamespace(namespace: string) {
  return {
    namespace: { apiVersion: "v1" as const, kind: "Namespace" as const, metadata: { name: namespace } },
    networkPolicy: {
      apiVersion: "networking.k8s.io/v1" as const,
      kind: "NetworkPolicy" as const,
      metadata: { name: "default-deny", namespace },
      spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    },
  };
}
