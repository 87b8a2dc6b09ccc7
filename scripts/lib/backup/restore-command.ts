import { parseArgs } from "node:util";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Session } from "../main.ts";
import { thisMachine, type Surroundings } from "./command.ts";
import { restoreSite } from "./restore-site.ts";

const usage = `Usage: npm run restore -- <stack> <backup's directory> [--yes]

For a site whose servers were all lost: puts a backup on the first server, which must run from a freshly written card. The next
\`npm run up\` founds the cluster from it. Refuses while a server of the site holds data, or might.
  --yes  do not ask for the site's name
Exit codes: 0 the snapshot is in place; 1 an error, and the next up founds nothing from it
`;

/** `npm run restore`, with these arguments. */
export async function restore(
  args: readonly string[],
  { signal }: Pick<Session, "signal">,
  surroundings: Surroundings = thisMachine,
): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { yes: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    surroundings.terminal.output.write(usage);
    return;
  }
  const [stack, directory, ...others] = positionals;
  if (stack === undefined || directory === undefined || others.length > 0)
    throw new UserError({
      what: "name one site's stack and one backup's directory",
      next: "npm run restore -- <stack> backups/<site>/<time>, or --help",
    });
  const { site, rootSecret } = await surroundings.readSiteStack(stack);
  await restoreSite(
    { stack, site, keys: deriveSiteKeys(rootSecret, site), directory, yes: values.yes },
    surroundings,
    signal,
  );
}
