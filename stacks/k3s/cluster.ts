import { createHash } from "node:crypto";
import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, type SeenOnNode } from "../remote/phase-command.ts";
import { shortDigest } from "../remote/phase.ts";
import { installPhase } from "./install-phase.ts";
import { membershipPhase } from "./membership-phase.ts";

interface NodeArgs {
  readonly site: Site;
  readonly keys: SiteKeys;
  readonly endpoint: Endpoint;
  readonly seen: SeenOnNode | undefined;
}

/** A component's own dependencies, given to its command as well: only there do they order removals. */
function inherited(parent: pulumi.Resource, { dependsOn }: pulumi.ComponentResourceOptions) {
  return { parent, dependsOn: dependsOn ?? [] };
}

/** K3s's server on one node, named after it. Ready once created. */
export class Server extends pulumi.ComponentResource {
  readonly node: string;
  readonly endpoint: Endpoint;
  readonly seen: SeenOnNode | undefined;
  readonly install: local.Command;

  constructor(name: string, { site, keys, endpoint, seen }: NodeArgs, options: pulumi.ComponentResourceOptions) {
    super("bramble:k3s:Server", name, {}, options);
    this.node = name;
    this.endpoint = endpoint;
    this.seen = seen;
    const phase = installPhase(site, name, keys);
    this.install = phaseCommand(`${name}-k3s`, { phase, endpoint, seen }, inherited(this, options));
    this.registerOutputs();
  }
}

/** K3s's agent on one node, named after it; its server must be ready before. */
export class Agent extends pulumi.ComponentResource {
  readonly install: local.Command;
  /** Changes whenever K3s on the node does. */
  readonly version: string;

  constructor(name: string, { site, keys, endpoint, seen }: NodeArgs, options: pulumi.ComponentResourceOptions) {
    super("bramble:k3s:Agent", name, {}, options);
    const phase = installPhase(site, name, keys);
    this.version = createHash("sha256")
      .update(JSON.stringify(phase.files.map(({ sha256 }) => sha256)))
      .digest("hex");
    this.install = phaseCommand(`${name}-k3s`, { phase, endpoint, seen }, inherited(this, options));
    this.registerOutputs();
  }
}

/**
 * An agent's place in the cluster; a resource of the server's, so that it works for a dead agent. It depends on the agent's
 * K3s: made after it, when the node is Ready, and on removal gone before it, when the node is drained and deleted.
 */
export class Membership extends pulumi.ComponentResource {
  readonly command: local.Command;

  constructor(
    name: string,
    { site, server, agent }: { readonly site: Site; readonly server: Server; readonly agent: Agent },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:k3s:Membership", name, {}, options);
    this.command = phaseCommand(
      `${name}-membership`,
      {
        phase: membershipPhase(server.node, name, nodeOf(site, name).labels),
        endpoint: server.endpoint,
        seen: server.seen,
        visible: { BRAMBLE_AGENT: `${name} ${shortDigest(agent.version)}` },
      },
      // When the server itself goes, nobody has to leave it first.
      { parent: this, dependsOn: agent.install, deletedWith: server.install },
    );
    this.registerOutputs();
  }
}
