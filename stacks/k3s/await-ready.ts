import type { Kubectl } from "../nodes/measuring-lease.ts";
import { UserError } from "../user-error.ts";
import { clock as realClock, type Clock } from "../clock.ts";
import { startProblem, type StartProblem } from "./start-problem.ts";

/** What waiting for a node needs of the world; replaced in tests. */
export interface Waiting {
  /** Finds kubectl on a server whose API answers; undefined where none does at the moment. It is kept for as long as it answers. */
  readonly kubectl: () => Promise<Kubectl | undefined>;
  /** What K3s on the node wrote since it was last started, newest last; nothing where the node does not answer. */
  readonly journal: () => Promise<readonly string[]>;
  readonly say: (line: string) => void;
  /**
   * K3s was restarted there just before. For most of a minute the cluster goes on calling a node Ready that says nothing any more, so
   * its kubelet has to be heard from anew.
   */
  readonly restarted?: boolean;
}

/** Seconds between two looks at the cluster. */
const everySeconds = 1;
/** Looks at the journal in a row that must show the same problem anew: some go by themselves while a server starts. */
const looks = 3;
const lookEverySeconds = 5;

/**
 * Waits until the cluster has the node Ready, at this version.
 * @throws UserError with the cause that the node's own journal gives, early where it will not go by itself
 */
export async function awaitReady(
  node: string,
  version: string,
  limitSeconds: number,
  { kubectl, journal, say, restarted = false }: Waiting,
  clock: Clock = realClock,
): Promise<void> {
  const start = clock.now();
  const waited = () => Math.round((clock.now() - start) / 1000);
  const isHeard = restarted ? kubeletWatch(node) : () => Promise.resolve(true);
  const isLasting = problemWatch();
  let [looked, said] = [-lookEverySeconds, 0];
  let found: Kubectl | undefined;
  for (;;) {
    found ??= await kubectl();
    const { state, answered, soon = false } = await stateOf(found, node, version, isHeard);
    if (state === "there") return;
    if (!answered) found = undefined;
    if (waited() >= looked + lookEverySeconds) {
      looked = waited();
      const lines = await journal();
      const problem = isLasting(lines);
      if (problem !== undefined)
        throw new UserError({
          what: `K3s does not come up: ${problem.cause}\n${tail(lines)}`,
          where: node,
          next: `${problem.next}; then run \`pulumi up\` again`,
        });
      if (waited() > limitSeconds)
        throw new UserError({
          what: [`after ${waited()} s still not Ready at ${version}: ${state}`, tail(lines)]
            .filter((part) => part !== "")
            .join("\n"),
          where: node,
          next: "see what K3s says there: journalctl -u k3s -u k3s-agent; then run `pulumi up` again",
        });
    }
    if (waited() >= said + 30) {
      said = waited();
      say(`${node}: waiting for K3s, ${said} s: ${state}`);
    }
    // One that is nearly there is not looked at again and again: kubectl tells of the moment.
    if (!(soon && found !== undefined && (await becomesReady(found, node)))) await clock.sleep(everySeconds * 1000);
  }
}

async function becomesReady(kubectl: Kubectl, node: string): Promise<boolean> {
  try {
    return (
      (await kubectl(["wait", `node/${node}`, "--for=condition=Ready", `--timeout=${lookEverySeconds}s`])).code === 0
    );
  } catch (error) {
    // The next look finds out what became of the server.
    if (error instanceof UserError) return false;
    throw error;
  }
}

type IsHeard = (kubectl: Kubectl) => Promise<boolean>;

interface SeenState {
  /** What the cluster thinks of the node; "there" when that is what is waited for. */
  readonly state: string;
  readonly answered: boolean;
  /** It is in the cluster, and not Ready yet. */
  readonly soon?: boolean;
}

async function stateOf(
  kubectl: Kubectl | undefined,
  node: string,
  version: string,
  isHeard: IsHeard,
): Promise<SeenState> {
  const silent = (state: string) => ({ state, answered: false });
  const answer = (state: string) => ({ state, answered: true });
  if (kubectl === undefined) return silent("no API answers");
  try {
    const heard = await isHeard(kubectl);
    const path = `{.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}`;
    const { code, stdout, stderr } = await kubectl(["get", "node", node, `--output=jsonpath=${path}`]);
    if (code !== 0) return stderr.includes("(NotFound)") ? answer("not in the cluster yet") : silent(stderr.trim());
    const [ready = "", seen = ""] = stdout.trimEnd().split(" ");
    if (ready !== "True") return { ...answer(`not Ready at ${seen}`), soon: true };
    if (seen !== version) return answer(`Ready at ${seen}`);
    return answer(heard ? "there" : "its kubelet is not heard from again yet");
  } catch (error) {
    // The server went away between two questions.
    if (error instanceof UserError) return silent(error.message.split("\n")[0] ?? "");
    throw error;
  }
}

/** Whether the node's kubelet has renewed its Lease, as it does every ten seconds, since this was first asked. */
function kubeletWatch(node: string): IsHeard {
  let first: string | undefined;
  let heard = false;
  return async (kubectl) => {
    if (heard) return true;
    const args = ["get", "lease", node, "--namespace=kube-node-lease", "--output=jsonpath={.spec.renewTime}"];
    const { code, stdout, stderr } = await kubectl(args);
    if (code !== 0 && !stderr.includes("(NotFound)")) return false;
    const renewed = stdout.trim();
    first ??= renewed;
    heard = renewed !== first;
    return heard;
  };
}

/** The problem that the journal tells of again and again. A line that stays there from an earlier look is not news. */
function problemWatch(): (lines: readonly string[]) => StartProblem | undefined {
  let before: { cause: string; line: string; times: number } | undefined;
  return (lines) => {
    const problem = startProblem(lines);
    if (problem === undefined) before = undefined;
    else {
      const { cause } = problem;
      const line = lines.findLast((one) => startProblem([one])?.cause === cause) ?? "";
      if (before?.cause !== cause) before = { cause, line, times: 1 };
      else if (before.line !== line) before = { cause, line, times: before.times + 1 };
    }
    return before !== undefined && before.times >= looks ? problem : undefined;
  };
}

function tail(lines: readonly string[]): string {
  return lines
    .slice(-5)
    .map((line) => `    ${line}`)
    .join("\n");
}
