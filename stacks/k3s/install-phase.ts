import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import {
  artefactFile,
  confidential,
  executable,
  textFile,
  type ManagedFile,
  type Phase,
  type Step,
} from "../remote/phase.ts";
import { UserError } from "../user-error.ts";
import { renderConfig } from "./config-file.ts";
import {
  authoritiesDirectory,
  binaryPath,
  cleanUpPath,
  configPath,
  imagesDirectory,
  nodePasswordPath,
  unitName,
  unitPath,
} from "./paths.ts";
import { renderUnit } from "./unit-file.ts";

/** Seconds that K3s may take to start: a Pi with an SD card imports air-gap images for minutes. */
const startLimit = 900;

/** K3s on one node: its files, its service, and how both go away again. Secret. */
export function installPhase(site: Site, node: string, keys: SiteKeys): Phase {
  const { role } = nodeOf(site, node);
  const unit = unitName(role);
  const needed = [
    artefactFile(binaryPath, site.k3s.binary, executable),
    ...imageFiles(site, node),
    textFile(unitPath(role), renderUnit(role)),
    textFile(configPath, renderConfig(site, node, keys), confidential),
    // With it, a node whose card was written again rejoins under its name by itself (k3s-io/k3s#802).
    textFile(nodePasswordPath, `${keys.nodePassword(node)}\n`, confidential),
    ...(role === "server" ? authorityFiles(keys) : []),
  ];
  return {
    node,
    name: "k3s",
    files: [
      ...needed,
      textFile(cleanUpPath, readFileSync(join(import.meta.dirname, "clean-up.sh"), "utf8"), executable),
    ],
    directories: [],
    units: [{ name: unit, enabled: true, active: true, after: needed.map(({ path }) => path), limit: startLimit }],
    ...(role === "server" ? { labels: { node, labels: nodeOf(site, node).labels } } : {}),
    steps: role === "server" ? [awaitNode(node)] : [],
    removal: [
      { title: "took K3s off the node", run: ["sh", cleanUpPath], check: ["test", "!", "-e", cleanUpPath], limit: 300 },
    ],
  };
}

/** A step on the server that ends when a node is Ready. */
export function awaitNode(node: string): Step {
  return {
    title: `${node} is Ready`,
    run: kubectl("wait", "--for=condition=Ready", `node/${node}`, "--timeout=10s"),
    limit: 30,
    patience: 300,
  };
}

/** kubectl as the server's administrator. */
export function kubectl(...args: string[]): string[] {
  return [binaryPath, "kubectl", ...args];
}

function imageFiles(site: Site, node: string): ManagedFile[] {
  const workload = site.images.filter((image) => image.nodes?.includes(node) ?? true);
  const files = new Map<string, ManagedFile>();
  for (const image of [...site.k3s.images, ...workload]) {
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

function authorityFiles(keys: SiteKeys): ManagedFile[] {
  return Object.entries(keys.authorities).flatMap(([stem, { certificate, key }]) => [
    textFile(`${authoritiesDirectory}/${stem}.crt`, certificate, confidential),
    textFile(`${authoritiesDirectory}/${stem}.key`, key, confidential),
  ]);
}
