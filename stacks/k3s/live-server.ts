import { kubectlOn, type Kubectl } from "../nodes/measuring-lease.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { UserError } from "../user-error.ts";

/** A server whose API answers. */
export interface LiveServer {
  readonly endpoint: Endpoint;
  readonly kubectl: Kubectl;
}

/**
 * The first server whose API answers, asked on the server itself over SSH; undefined where none does.
 * @param connect replaced in tests
 */
export async function findLiveServer(
  servers: readonly Endpoint[],
  connect: (server: Endpoint) => Kubectl = kubectlOn,
): Promise<LiveServer | undefined> {
  for (const endpoint of servers) {
    const kubectl = connect(endpoint);
    if (await answers(kubectl)) return { endpoint, kubectl };
  }
  return undefined;
}

async function answers(kubectl: Kubectl): Promise<boolean> {
  try {
    return (await kubectl(["get", "--raw=/readyz", "--request-timeout=5s"])).code === 0;
  } catch (error) {
    // Out of reach, or something on the server killed kubectl.
    if (error instanceof UserError) return false;
    throw error;
  }
}

/**
 * kubectl on the first server whose API answers, and on another one as soon as that one's no longer does: a change may take the very
 * server away that was asked. Whatever failed there is asked again, so it must stand being done twice. Where no API answers, what
 * the first server says.
 * @param servers the ones to ask, in this order
 * @param connect replaced in tests
 */
export function kubectlAmong(
  servers: readonly Endpoint[],
  connect: (server: Endpoint) => Kubectl = kubectlOn,
): Kubectl {
  const [first] = servers;
  if (first === undefined) throw new Error("a cluster without a server");
  let live: LiveServer | undefined;
  return async (args, stdin) => {
    live ??= await findLiveServer(servers, connect);
    const asked = live?.kubectl ?? connect(first);
    const outcome = await settled(asked(args, stdin));
    // A refusal is an answer, too; only silence is not.
    if (("code" in outcome && outcome.code === 0) || (live !== undefined && (await answers(asked))))
      return given(outcome);
    live = await findLiveServer(servers, connect);
    return live === undefined ? given(outcome) : await live.kubectl(args, stdin);
  };
}

type Outcome = Awaited<ReturnType<Kubectl>> | { readonly error: UserError };

async function settled(asking: ReturnType<Kubectl>): Promise<Outcome> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof UserError) return { error };
    throw error;
  }
}

function given(outcome: Outcome): Awaited<ReturnType<Kubectl>> {
  if ("error" in outcome) throw outcome.error;
  return outcome;
}
