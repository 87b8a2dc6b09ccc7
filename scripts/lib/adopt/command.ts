import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { port, publicKey, userName } from "../../../stacks/config/fields.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { stackFile } from "../../../twin/stack-files.ts";
import type { Terminal } from "../ask.ts";
import { readSiteStack } from "../site-stack.ts";
import type { Session } from "../main.ts";
import { adoptNode } from "./adopt-node.ts";

const usage = `Usage: npm run adopt -- <stack> <node> [--user name] [--port number] [--identity file] [--host-key key] [--yes]

Takes over a node that runs already and was not flashed by Bramble. Confirms which machine it is, looks whether it is fit,
lets the derived admin key in, and writes its host key into Pulumi.<stack>.yaml, which must hold the node already.
  --user      the account to log in to, if not the site's; it needs sudo without a password
  --port      its SSH port, if not the site's
  --identity  your private key file; without it, the keys of your SSH agent
  --host-key  its public host key, "ssh-ed25519 AAAA...": compared instead of asking
  --yes       take the host key that it shows (on a network where nobody can stand in for it)
Exit codes: 0 adopted, or was already; 1 an error, and the stack's file is as it was
`;

/** What adopting needs of the world outside. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly readSiteStack: typeof readSiteStack;
  readonly stackFile: typeof stackFile;
}

const thisMachine: Surroundings = {
  terminal: { input: process.stdin, output: process.stdout },
  readSiteStack,
  stackFile,
};

const choices = z.object({ user: userName.optional(), port: port.optional(), "host-key": publicKey.optional() });

/** `npm run adopt`, with these arguments. */
export async function adopt(
  args: readonly string[],
  { signal }: Pick<Session, "signal">,
  surroundings: Surroundings = thisMachine,
): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      user: { type: "string" },
      port: { type: "string" },
      identity: { type: "string" },
      "host-key": { type: "string" },
      yes: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    surroundings.terminal.output.write(usage);
    return;
  }
  const [stack, node, ...others] = positionals;
  if (stack === undefined || node === undefined || others.length > 0)
    throw new UserError({ what: "name a stack and one node", next: "npm run adopt -- <stack> <node>, or --help" });
  const chosen = choices.safeParse({ ...values, port: values.port === undefined ? undefined : Number(values.port) });
  if (!chosen.success)
    throw new UserError({
      what: chosen.error.issues.map(({ path, message }) => `--${path.join(".")} ${message}`).join("; "),
      next: "see npm run adopt -- --help",
    });
  const { site, rootSecret } = await surroundings.readSiteStack(stack);
  const file = surroundings.stackFile(stack);
  if (!Object.hasOwn(site.nodes, node))
    throw new UserError({
      what: `has no node ${node} (nodes: ${Object.keys(site.nodes).join(", ")})`,
      where: file,
      next: "write the node there first, with its role and address",
    });
  await adoptNode(
    {
      site,
      keys: deriveSiteKeys(rootSecret, site),
      node,
      file,
      user: chosen.data.user,
      port: chosen.data.port,
      identity: values.identity === undefined ? undefined : readIdentity(values.identity),
      hostKey: chosen.data["host-key"],
      yes: values.yes,
    },
    surroundings.terminal,
    signal,
  );
}

function readIdentity(file: string): string {
  const problem = (what: string) =>
    new UserError({ what, where: file, next: "give the path of your private key, such as ~/.ssh/id_ed25519" });
  try {
    const text = readFileSync(file, "utf8");
    if (!text.startsWith("-----BEGIN ")) throw problem("is no private key");
    return text;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw problem(`cannot be read (${(error as Error).message})`);
  }
}
