import type { Kubectl } from "../nodes/measuring-lease.ts";
import { applyOn, applyPhase } from "../remote/apply-phase.ts";
import { UserError } from "../user-error.ts";
import { awaitReady } from "./await-ready.ts";
import type { ChangeInput } from "./change-input.ts";
import { findLiveServer } from "./live-server.ts";
import { asRoot, readJournal } from "./on-node.ts";
import { unitName } from "./paths.ts";
import { startProblem } from "./start-problem.ts";

/** Seconds until a node must be Ready: a Pi imports images from an SD card for minutes. */
const readySeconds = 900;
/** Seconds that a restart of K3s may take, see install-phase.ts. */
const restartSeconds = 900;

/** What is done to K3s beside its files. */
export interface Start {
  /** It runs in the cluster now, and what is applied restarts it. */
  readonly restarts: boolean;
  /** It has to be started once more although nothing that it reads changed. */
  readonly again: boolean;
}

/**
 * Brings K3s's files and service to what the phase asks, and waits until the node is Ready.
 * @returns one line that says what was done
 * @throws UserError naming the cause that K3s's own journal gives
 */
export async function startK3s(input: ChangeInput, { restarts, again }: Start): Promise<string> {
  const { endpoint, phase, role, version } = input;
  const started = performance.now();
  let line: string;
  try {
    line = await applyPhase(phase, applyOn(endpoint));
    if (again) {
      await asRoot(endpoint, ["systemctl", "restart", unitName(role)], { timeoutSeconds: restartSeconds });
      line += "; restarted K3s, which renews its certificates";
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const problem = startProblem(await readJournal(endpoint));
    if (problem === undefined) throw error;
    throw new UserError(
      {
        what: `K3s does not come up: ${problem.cause}`,
        where: endpoint.node,
        next: `${problem.next}; then run \`pulumi up\` again`,
      },
      { cause: error },
    );
  }
  await awaitReady(endpoint.node, version, readySeconds, {
    kubectl: () => findKubectl(input),
    journal: () => readJournal(endpoint),
    say: (text) => {
      console.error(text);
    },
    restarted: restarts || again,
  });
  return `${line}; Ready after ${Math.round((performance.now() - started) / 1000)} s`;
}

/** All servers, the node itself last: it may be about to restart. */
export function serversToAsk({ endpoint, servers }: ChangeInput): ChangeInput["servers"] {
  const isOther = ({ node }: { node: string }) => node !== endpoint.node;
  return [...servers.filter(isOther), ...servers.filter((server) => !isOther(server))];
}

/** kubectl on a server that answers now; undefined where none does. */
export async function findKubectl(input: ChangeInput): Promise<Kubectl | undefined> {
  return (await findLiveServer(serversToAsk(input)))?.kubectl;
}
