import { parse } from "yaml";
import type { KubernetesConnection } from "./kubernetes-client.ts";

interface Kubeconfig {
  readonly "current-context": string;
  readonly contexts: readonly { name: string; context: { cluster: string; user: string } }[];
  readonly clusters: readonly { name: string; cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly {
    name: string;
    user: { "client-certificate-data": string; "client-key-data": string };
  }[];
}

/** The connection of a kubeconfig's current context, as a site's stack outputs it: all data inside, a client certificate. */
export function connectionOf(kubeconfig: string): KubernetesConnection {
  const config = parse(kubeconfig) as Kubeconfig;
  const { context } = named(config.contexts, config["current-context"], "context");
  const { cluster } = named(config.clusters, context.cluster, "cluster");
  const { user } = named(config.users, context.user, "user");
  return {
    server: cluster.server,
    ca: decoded(cluster["certificate-authority-data"]),
    client: { certificate: decoded(user["client-certificate-data"]), key: decoded(user["client-key-data"]) },
  };
}

function named<T extends { name: string }>(entries: readonly T[], name: string, kind: string): T {
  const entry = entries.find((one) => one.name === name);
  if (entry === undefined) throw new Error(`the kubeconfig has no ${kind} ${name}`);
  return entry;
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
