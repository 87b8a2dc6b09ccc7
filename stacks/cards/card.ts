import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Endpoint } from "../remote/endpoint.ts";
import { stackCommand } from "../remote/stack-command.ts";
import { shortDigest } from "../remote/phase.ts";
import { factsSchema, type Facts } from "../nodes/facts.ts";
import type { Stamp } from "./stamp.ts";

/**
 * The card that a node must run: waits until the node answers with its host key and asserts its stamp. Writing cards is
 * the business of people and of the twin; the diff of this resource says that one must be written, and why.
 */
export class Card extends pulumi.ComponentResource {
  /** Of the node as it was when its card was last checked. Public. */
  readonly facts: pulumi.Output<Facts>;
  readonly check: local.Command;

  constructor(
    name: string,
    args: { readonly endpoint: Endpoint; readonly stamp: Stamp; readonly bootSeconds: number },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:cards:Card", name, {}, options);
    const { endpoint, stamp, bootSeconds } = args;
    this.check = stackCommand(
      `${name}-card`,
      {
        create: "cards/check-card.ts",
        input: { endpoint, stamp, bootSeconds },
        environment: { BRAMBLE_CARD: `generation ${stamp.generation}, made from ${shortDigest(stamp.digest)}` },
        logging: "stderr",
      },
      { parent: this },
    );
    this.facts = pulumi.unsecret(this.check.stdout).apply((text) => factsSchema.parse(JSON.parse(text)));
    this.registerOutputs({ facts: this.facts });
  }
}
