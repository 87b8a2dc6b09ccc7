/**
 * `npm run bundle` for tests: `node bundle-command.ts <folder> <arguments>`. Stacks are described in <folder>/Pulumi.<stack>.yaml,
 * bundles are made in <folder>/bundles, and <folder>/releases holds the URL that stands for that of K3s's releases.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, thisMachine } from "../../../../scripts/lib/bundle/command.ts";
import { readStack } from "../../../../scripts/lib/bundle/read-stack.ts";
import { runMain } from "../../../../scripts/lib/main.ts";

const [, , folder = "", ...args] = process.argv;

await runMain((session) =>
  bundle(args, session, {
    ...thisMachine,
    readStack: (stack) => readStack(stack, folder),
    bundles: join(folder, "bundles"),
    releases: readFileSync(join(folder, "releases"), "utf8"),
    patience: { silence: 10_000, tries: 3, pause: 10 },
  }),
);
