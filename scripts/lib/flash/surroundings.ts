import { setTimeout as sleep } from "node:timers/promises";
import { provideImage } from "../../../stacks/cards/image.ts";
import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { readStamp, writeCard } from "../../../stacks/cards/write-card.ts";
import { findWrittenCard, recordWrittenCard, type WrittenCard } from "../../../stacks/cards/written-cards.ts";
import type { Terminal } from "../ask.ts";
import { readDisks } from "./read-disks.ts";
import { readSiteStack } from "../site-stack.ts";

/** What flashing needs of the world outside. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly terminal: Terminal;
  readonly readSiteStack: typeof readSiteStack;
  readonly readDisks: () => ReturnType<typeof readDisks>;
  readonly provideImage: typeof provideImage;
  readonly readStamp: typeof readStamp;
  readonly writeCard: typeof writeCard;
  readonly recordWrittenCard: (stamp: Stamp) => Promise<void>;
  /** The last card that was written here for this node, if it was this one. */
  readonly findWrittenCard: (stamp: Stamp) => Promise<WrittenCard | undefined>;
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

/** This machine, its person and its files. */
export const thisMachine: Surroundings = {
  platform: process.platform,
  terminal: { input: process.stdin, output: process.stdout },
  readSiteStack,
  readDisks: () => readDisks(),
  provideImage,
  readStamp,
  writeCard,
  recordWrittenCard: (stamp) => recordWrittenCard(stamp),
  findWrittenCard: async ({ site, node, generation, digest }) => {
    const card = await findWrittenCard(site, node);
    return card?.generation === generation && card.digest === digest ? card : undefined;
  },
  pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
};
