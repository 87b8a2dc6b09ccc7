import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { findLiveServer } from "../../../stacks/k3s/live-server.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Terminal } from "../ask.ts";
import { Progress } from "../flash/progress.ts";
import type { Session } from "../main.ts";
import { readSiteStack } from "../site-stack.ts";
import { backUp } from "./back-up.ts";
import { serverFiles, type ServerFiles } from "./server-files.ts";

const usage = `Usage: npm run backup -- <stack> [--latest-scheduled]

Has a server take a snapshot of the cluster's data and fetches it to backups/<site>/<time>/, where only you can read it. What lies
here of the last backup, or of one that was cut off, does not come over the link again.
  --latest-scheduled  take no snapshot, fetch the newest one that the servers took by themselves: no API need answer
Exit codes: 0 the backup is there, whole; 1 an error, and no backup was made
`;

/** What backup and restore need of the world outside. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly readSiteStack: typeof readSiteStack;
  readonly findLiveServer: typeof findLiveServer;
  readonly run: typeof run;
  readonly serverFiles: (endpoint: Endpoint) => ServerFiles;
  /** Holds the backups of all sites. */
  readonly backups: string;
}

export const thisMachine: Surroundings = {
  terminal: { input: process.stdin, output: process.stdout },
  readSiteStack,
  findLiveServer,
  run,
  serverFiles: (endpoint) => serverFiles(endpoint),
  backups: join(root, "backups"),
};

/** `npm run backup`, with these arguments. */
export async function backup(
  args: readonly string[],
  { signal }: Pick<Session, "signal">,
  surroundings: Surroundings = thisMachine,
): Promise<void> {
  const { terminal, backups } = surroundings;
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      "latest-scheduled": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    terminal.output.write(usage);
    return;
  }
  const [stack, ...others] = positionals;
  if (stack === undefined || others.length > 0)
    throw new UserError({ what: "name one site's stack", next: "npm run backup -- <stack>, or --help" });
  const { site, rootSecret } = await surroundings.readSiteStack(stack);
  const directory = await backUp({
    stack,
    site,
    keys: deriveSiteKeys(rootSecret, site),
    directory: backups,
    latestScheduled: values["latest-scheduled"],
    serverFiles: surroundings.serverFiles,
    findLiveServer: surroundings.findLiveServer,
    run: surroundings.run,
    progress: new Progress(terminal.output),
    say: (line) => terminal.output.write(`${line}\n`),
    now: () => new Date(),
    signal,
  });
  const secrets = site.k3s.secretsEncryption ? "" : "\n  It holds the cluster's Secrets in clear: keep it as such";
  terminal.output.write(
    `${stack}: backed up to ${relative(root, directory)}${secrets}\n  Next: copy it to another machine, with Pulumi.${stack}.yaml and the passphrase\n`,
  );
}
