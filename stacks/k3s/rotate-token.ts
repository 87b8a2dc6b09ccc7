/**
 * What Pulumi runs before anything of K3s changes: `node k3s/rotate-token.ts`, with its input as JSON on stdin. Has a cluster that is
 * there take the configured generation of its token; each server's configuration follows, one by one. Prints one line.
 */
import { z } from "zod";
import type { NodeReport } from "../nodes/facts.ts";
import { observe } from "../nodes/observe.ts";
import { endpointSchema, type Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runPython } from "../remote/remote-python.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { findLiveServer } from "./live-server.ts";
import { lookSeconds } from "./on-node.ts";
import { tokenGenerationOf, tokenProblem } from "./token-problem.ts";

const inputSchema = z.strictObject({
  servers: z.array(endpointSchema).min(1),
  /** The newest first. */
  tokens: z.array(z.strictObject({ generation: z.int(), server: z.string() })).min(1),
});
type Input = z.infer<typeof inputSchema>;

/** Seconds that the request for another token may take. */
const rotateSeconds = 120;

async function main({ servers, tokens }: Input): Promise<string> {
  const [newest] = tokens;
  if (newest === undefined) throw new Error("a site without a token");
  const holding = (await Promise.all(servers.map(look))).flat();
  const problems = holding.flatMap(({ endpoint, report }) => {
    const problem = tokenProblem(tokens, report.k3s);
    return problem === undefined ? [] : [`${endpoint.node}: ${problem}`];
  });
  if (problems.length > 0)
    throw new UserError({
      what: problems.join("\n    "),
      where: "k3s.tokenGeneration",
      next: "then run `pulumi up` again",
    });
  const generations = holding.map(({ report }) => tokenGenerationOf(tokens, report.k3s.tokenDigest ?? ""));
  // One server that has the new token is enough: the cluster's data is encrypted with it, and the others follow as they restart.
  if (holding.length === 0) return `tokens of generation ${newest.generation}; no cluster has others yet`;
  if (generations.includes(newest.generation)) return `tokens of generation ${newest.generation}`;
  const live = await findLiveServer(holding.map(({ endpoint }) => endpoint));
  if (live === undefined)
    throw new UserError({
      what: `the token cannot be replaced: no API answers on ${holding.map(({ endpoint }) => endpoint.node).join(", ")}`,
      where: "k3s.tokenGeneration",
      next: "set it back, bring the servers up (npm run doctor -- <site>), then raise it again",
    });
  const answer = await runPython(
    live.endpoint,
    ["k3s/rotate-token.py"],
    { newToken: newest.server },
    { timeoutSeconds: rotateSeconds },
  );
  const { failed } = z.strictObject({ failed: z.string().nullable() }).parse(answer);
  if (failed !== null)
    throw new UserError({
      what: `K3s did not take the new token: ${failed}`,
      where: live.endpoint.node,
      next: "see its journal (journalctl -u k3s), then run `pulumi up` again",
    });
  return `the cluster took tokens of generation ${newest.generation} through ${live.endpoint.node}`;
}

/** A server that is in a cluster and says of which token. */
async function look(endpoint: Endpoint): Promise<{ endpoint: Endpoint; report: NodeReport }[]> {
  const report = await observe(endpoint, lookSeconds);
  if (report instanceof NodeUnavailable) return [];
  return report.k3s.hasData && report.k3s.tokenDigest !== null ? [{ endpoint, report }] : [];
}

await runStackProgram(inputSchema, main);
