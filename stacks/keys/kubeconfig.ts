import { stringify } from "yaml";
import type { CertifiedKey } from "./certificate.ts";

/** A kubeconfig for one cluster and one user, with names of their own so that it merges with others. */
export function renderKubeconfig(cluster: {
  name: string;
  server: string;
  authority: string;
  client: CertifiedKey;
  /** The one that it works in where nothing else is said. */
  namespace?: string;
}): string {
  const namespace = cluster.namespace === undefined ? {} : { namespace: cluster.namespace };
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: cluster.name,
          cluster: { server: cluster.server, "certificate-authority-data": base64(cluster.authority) },
        },
      ],
      users: [
        {
          name: cluster.name,
          user: {
            "client-certificate-data": base64(cluster.client.certificate),
            "client-key-data": base64(cluster.client.key),
          },
        },
      ],
      contexts: [{ name: cluster.name, context: { cluster: cluster.name, user: cluster.name, ...namespace } }],
      "current-context": cluster.name,
    },
    { lineWidth: 0, version: "1.1" },
  );
}
