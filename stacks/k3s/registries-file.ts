import { renderYaml } from "../cards/seed/yaml.ts";
import type { Site } from "../config/site.ts";

const directory = "/etc/rancher/k3s";
export const registriesPath = `${directory}/registries.yaml`;

/** A registry's authority on a node. No host has an underscore: two hosts never share a file. */
export function authorityPath(host: string): string {
  return `${directory}/registries/${host.replaceAll(":", "_").replaceAll("*", "_")}.pem`;
}

/** Renders /etc/rancher/k3s/registries.yaml (docs.k3s.io, Private Registry Configuration), or undefined where nothing is in it. */
export function renderRegistries({ k3s: { registries } }: Site): string | undefined {
  if (registries === undefined) return undefined;
  const mirrors = Object.entries(registries.mirrors).map(([host, { endpoints, rewrite }]) => [
    host,
    {
      ...(endpoints.length === 0 ? {} : { endpoint: endpoints }),
      ...(Object.keys(rewrite).length === 0 ? {} : { rewrite }),
    },
  ]);
  const hosts = [...new Set([...Object.keys(registries.authorities), ...registries.insecure])].sort();
  const configs = hosts.map((host) => [
    host,
    {
      tls: {
        ...(Object.hasOwn(registries.authorities, host) ? { ca_file: authorityPath(host) } : {}),
        ...(registries.insecure.includes(host) ? { insecure_skip_verify: true } : {}),
      },
    },
  ]);
  if (mirrors.length === 0 && configs.length === 0) return undefined;
  return (
    "# Kept by Bramble: changes are undone by the next `pulumi up`.\n" +
    renderYaml({
      ...(mirrors.length === 0 ? {} : { mirrors: Object.fromEntries(mirrors) as unknown }),
      ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) as unknown }),
    })
  );
}
