import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { located } from "../config/artefact.ts";
import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { artefactFile, confidential, executable, textFile, type ManagedFile, type Phase } from "../remote/phase.ts";
import { UserError } from "../user-error.ts";
import { renderConfig, renderRegistration } from "./config-file.ts";
import { kubeVipPath, renderKubeVip } from "./kube-vip.ts";
import {
  authoritiesDirectory,
  binaryPath,
  cleanUpPath,
  configPath,
  imagesDirectory,
  nodePasswordPath,
  registrationPath,
  unitName,
  unitPath,
} from "./paths.ts";
import { proxyEnvironmentPath, renderProxyEnvironment } from "./proxy-environment.ts";
import { authorityPath, registriesPath, renderRegistries } from "./registries-file.ts";
import { renderUnit } from "./unit-file.ts";

/** Seconds that K3s may take to start: a Pi with an SD card imports air-gap images for minutes. */
const startLimit = 900;

/** K3s on one node: its files, its service, and how both go away again. Secret. */
export function installPhase(site: Site, node: string, keys: SiteKeys): Phase {
  const { role } = nodeOf(site, node);
  const optional = (path: string, text: string | undefined) =>
    text === undefined ? [] : [textFile(path, text, confidential)];
  // What K3s reads at a start.
  const read = [
    artefactFile(binaryPath, located(site.k3s.binary), executable),
    textFile(unitPath(role), renderUnit(role)),
    textFile(configPath, renderConfig(site, node, keys), confidential),
    ...optional(registriesPath, renderRegistries(site)),
    ...Object.entries(site.k3s.registries?.authorities ?? {}).map(([host, authority]) =>
      textFile(authorityPath(host), `${authority.trimEnd()}\n`, confidential),
    ),
    ...optional(proxyEnvironmentPath, renderProxyEnvironment(site)),
  ];
  const unit = { name: unitName(role), enabled: true, active: true, limit: startLimit };
  return {
    node,
    name: "k3s",
    files: [
      ...read,
      // Taken in whenever they appear.
      ...imageFiles(site, node),
      // Only a first start reads these.
      ...optional(registrationPath, renderRegistration(site, node)),
      // With it, a node whose card was written again rejoins under its name by itself (k3s-io/k3s#802).
      textFile(nodePasswordPath, `${keys.nodePassword(node)}\n`, confidential),
      ...(role === "server" ? [...authorityFiles(keys), ...optional(kubeVipPath, renderKubeVip(site))] : []),
      textFile(cleanUpPath, readFileSync(join(import.meta.dirname, "clean-up.sh"), "utf8"), executable),
    ],
    directories: [],
    // Also what goes: a registry or a proxy that is no longer configured.
    units: [{ ...unit, after: [...new Set([...read.map(({ path }) => path), registriesPath, proxyEnvironmentPath])] }],
    steps: [],
    removal: [
      { title: "took K3s off the node", run: ["sh", cleanUpPath], check: ["test", "!", "-e", cleanUpPath], limit: 300 },
    ],
  };
}

function imageFiles(site: Site, node: string): ManagedFile[] {
  const workload = site.images.filter((image) => image.nodes?.includes(node) ?? true);
  const files = new Map<string, ManagedFile>();
  for (const image of [...site.k3s.images, ...workload].map(located)) {
    const path = join(imagesDirectory, basename(image.file));
    if (files.has(path) && files.get(path)?.sha256 !== image.sha256)
      throw new UserError({
        what: `two image archives for ${node} are both called ${basename(image.file)}`,
        where: `site ${site.name}, images`,
        next: "rename one of the files: on the node all archives lie in one directory",
      });
    files.set(path, artefactFile(path, image));
  }
  return [...files.values()];
}

/** On all servers, not only the founder: any of them may have to bring the cluster back. */
function authorityFiles(keys: SiteKeys): ManagedFile[] {
  return [
    ...Object.entries(keys.authorities).flatMap(([stem, { certificate, key }]) => [
      textFile(`${authoritiesDirectory}/${stem}.crt`, certificate, confidential),
      textFile(`${authoritiesDirectory}/${stem}.key`, key, confidential),
    ]),
    textFile(`${authoritiesDirectory}/service.key`, keys.serviceKey, confidential),
  ];
}
