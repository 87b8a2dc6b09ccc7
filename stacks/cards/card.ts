import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { nodeOf, type Site } from "../config/site.ts";
import { factsSchema, type Facts } from "../nodes/facts.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { stackCommand } from "../remote/stack-command.ts";
import type { CheckCardInput } from "./check-card.ts";
import { cardOf, type CardName } from "./stamp.ts";

/**
 * The card that a node must run: waits until the node answers with its host key, and asserts the card's site, node and generation
 * and what the configuration expects of the board. Writing cards is the business of people and of the twin. Its inputs hold
 * nothing of the seed: a change that only the seed has never touches it. An adopted node has no card; it is waited for the same.
 */
export class Card extends pulumi.ComponentResource {
  /** Of the node as it was when its card was last checked. Public. */
  readonly facts: pulumi.Output<Facts>;
  readonly check: local.Command;

  /** @param name the node's */
  constructor(
    name: string,
    args: { readonly site: Site; readonly stack: string; readonly endpoint: Endpoint },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:cards:Card", name, {}, options);
    const { site, stack, endpoint } = args;
    const { expect, hostKey } = nodeOf(site, name);
    const card = hostKey === undefined ? cardOf(site, name) : undefined;
    const input: CheckCardInput = { endpoint, stack, card, expect, bootSeconds: site.timeouts.boot };
    this.check = stackCommand(
      `${name}-card`,
      {
        create: "cards/check-card.ts",
        input,
        environment: { BRAMBLE_CARD: card === undefined ? `none: ${name} is adopted` : describeCard(card) },
        logging: "stderr",
      },
      { parent: this, dependsOn: options.dependsOn ?? [] },
    );
    this.facts = pulumi.unsecret(this.check.stdout).apply((text) => factsSchema.parse(JSON.parse(text)));
    this.registerOutputs({ facts: this.facts });
  }
}

/** As a preview shows it. */
export function describeCard({ site, node, generation }: CardName): string {
  return `generation ${generation} of ${node} in site ${site}`;
}
