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
    steps: [
      { title: "reloaded systemd", run: ["systemctl", "daemon-reload"], after: [unitPath(role)], limit: 60 },
      {
        title: `enabled ${unit}`,
        check: ["systemctl", "is-enabled", "--quiet", unit],
        run: ["systemctl", "enable", unit],
        limit: 60,
      },
      {
        title: `restarted ${unit}`,
        run: ["systemctl", "restart", unit],
        after: needed.map(({ path }) => path),
        limit: startLimit,
      },
      {
        title: `started ${unit}`,
        check: ["systemctl", "is-active", "--quiet", unit],
        run: ["systemctl", "start", unit],
        limit: startLimit,
      },
      ...(role === "server" ? awaitNode(node, nodeOf(site, node).labels) : []),
    ],
    removal: [
      { title: "took K3s off the node", run: ["sh", cleanUpPath], check: ["test", "!", "-e", cleanUpPath], limit: 300 },
    ],
  };
}

/** Steps on the server that end when a node is Ready and carries its labels. */
export function awaitNode(node: string, labels: Readonly<Record<string, string>>): Step[] {
  const assignments = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    {
      title: `${node} is Ready`,
      run: kubectl("wait", "--for=condition=Ready", `node/${node}`, "--timeout=10s"),
      limit: 30,
      patience: 300,
    },
    // K3s's own node-label counts at registration only.
    ...(assignments.length === 0
      ? []
      : [
          {
            title: `labelled ${node}`,
            run: kubectl("label", "--overwrite", `node/${node}`, ...assignments),
            limit: 30,
            patience: 30,
          },
        ]),
  ];
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
