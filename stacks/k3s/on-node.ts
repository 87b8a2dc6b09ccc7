import { run } from "../remote/connection.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { UserError } from "../user-error.ts";
import { placePath } from "./paths.ts";
import { startProblem } from "./start-problem.ts";

/** Seconds that one look at a node may take. */
export const lookSeconds = 30;

/**
 * Runs a command as root on a node.
 * @throws UserError with what it said last, or with what that means where K3s said it
 */
export async function asRoot(
  endpoint: Endpoint,
  argv: readonly string[],
  { stdin = "", timeoutSeconds = 120 }: { readonly stdin?: string; readonly timeoutSeconds?: number } = {},
): Promise<void> {
  const { code, stdout, stderr } = await run(endpoint, ["sudo", "-n", ...argv], { stdin, timeoutSeconds });
  if (code === 0) return;
  const said = (stderr + stdout).trim().split("\n").slice(-8);
  const problem = startProblem(said);
  throw new UserError({
    what: `${argv.slice(0, 3).join(" ")} failed: ${problem?.cause ?? said.join("\n")}`,
    where: endpoint.node,
    next: `${problem?.next ?? "mend what it says"}; then run \`pulumi up\` again`,
  });
}

/** What K3s wrote in the last minute and a half, newest last; nothing where the node does not answer. */
export async function readJournal(endpoint: Endpoint): Promise<string[]> {
  const lines = ["--lines=60", "--since=-90s", "--output=cat", "--quiet", "--unit=k3s", "--unit=k3s-agent"];
  try {
    const { stdout } = await run(endpoint, ["sudo", "-n", "journalctl", ...lines], { timeoutSeconds: lookSeconds });
    return stdout.split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof NodeUnavailable) return [];
    throw error;
  }
}

/** Tells K3s of its place in the cluster for its next start. */
export async function writePlace(endpoint: Endpoint, content: string): Promise<void> {
  await asRoot(endpoint, ["install", "-D", "-m", "0600", "/dev/stdin", placePath], { stdin: content });
  await asRoot(endpoint, ["sync", placePath]);
}
