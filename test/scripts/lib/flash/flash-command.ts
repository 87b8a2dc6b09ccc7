/**
 * `npm run flash` for tests: `node flash-command.ts <folder> <arguments>`. The site's configuration is <folder>/site.json instead of
 * a Pulumi stack's, what was written is noted in <folder>/cards, and names of disks are looked for in <folder>/by-id.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { flash } from "../../../../scripts/lib/flash/command.ts";
import { readDisks } from "../../../../scripts/lib/flash/read-disks.ts";
import { parseSiteStack } from "../../../../scripts/lib/site-stack.ts";
import { thisMachine } from "../../../../scripts/lib/flash/surroundings.ts";
import { runMain } from "../../../../scripts/lib/main.ts";
import { recordWrittenCard } from "../../../../stacks/cards/written-cards.ts";

const [, , folder = "", ...args] = process.argv;

await runMain((session) =>
  flash(args, session, {
    ...thisMachine,
    readSiteStack: (stack) => {
      const values: unknown = JSON.parse(readFileSync(join(folder, "site.json"), "utf8"));
      return Promise.resolve(parseSiteStack(stack, values as Record<string, unknown>));
    },
    readDisks: () => readDisks([join(folder, "by-id")]),
    recordWrittenCard: (stamp) => recordWrittenCard(stamp, join(folder, "cards")),
  }),
);
