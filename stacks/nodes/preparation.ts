import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config/site.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, type SeenOnNode } from "../remote/phase-command.ts";
import { textBlock, textFile, type Phase } from "../remote/phase.ts";

/** Where raw results lie on a node until they are collected; they outlive the experiments that wrote them. */
export const resultsDirectory = "/var/lib/bramble/results";
/** Where models lie on a node, for as long as the site does. */
export const modelsDirectory = "/var/lib/bramble/models";

const sysctlFile = "/etc/sysctl.d/90-bramble-sysctl.conf";
const journalFile = "/etc/systemd/journald.conf.d/90-bramble-journald.conf";

/** What a node needs before K3s: names of its fellows, kernel settings, a bounded journal, places for results and models. */
export function preparationPhase(site: Site, node: string): Phase {
  return {
    node,
    name: "preparation",
    files: [textBlock("/etc/hosts", renderHosts(site)), textFile(sysctlFile, sysctl), textFile(journalFile, journal)],
    directories: [resultsDirectory, modelsDirectory].map((path) => ({ path, mode: "0755", owner: "root:root" })),
    steps: [
      {
        title: "applied sysctl settings",
        // Not `sysctl --load`: the unit's own conditions leave read-only kernels (containers) alone.
        run: ["systemctl", "restart", "systemd-sysctl.service"],
        after: [sysctlFile],
        limit: 60,
      },
      {
        title: "restarted journald",
        run: ["systemctl", "restart", "systemd-journald.service"],
        after: [journalFile],
        limit: 60,
      },
    ],
    removal: [],
  };
}

/** Lines of /etc/hosts, one a node, in the order of names so that the file does not change with the configuration's order. */
export function renderHosts(site: Site): string {
  return Object.entries(site.nodes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { address }]) => `${address} ${name}\n`)
    .join("");
}

const sysctl = `# Kept by Bramble: changes are undone by the next \`pulumi up\`.
# Containers' log and config watchers run out of the kernel's defaults (128 instances) at about 30 pods.
fs.inotify.max_user_instances = 1024
fs.inotify.max_user_watches = 524288
net.ipv4.ip_forward = 1
`;

const journal = `# Kept by Bramble: changes are undone by the next \`pulumi up\`.
[Journal]
# SD cards are small and wear out.
SystemMaxUse=200M
`;

/** The preparation of one node. Options reach its command too: only there do dependencies order removals. */
export class Preparation extends pulumi.ComponentResource {
  readonly command: local.Command;

  constructor(
    name: string,
    args: { site: Site; endpoint: Endpoint; seen: SeenOnNode | undefined },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:nodes:Preparation", name, {}, options);
    const { site, endpoint, seen } = args;
    this.command = phaseCommand(
      `${name}-preparation`,
      { phase: preparationPhase(site, name), endpoint, seen },
      { parent: this, dependsOn: options.dependsOn ?? [] },
    );
    this.registerOutputs();
  }
}
