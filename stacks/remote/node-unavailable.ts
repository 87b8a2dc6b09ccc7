import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";

/** unreachable: no answer; host-key: another machine or another generation answers; refused: it does not let us in. */
export type Unavailability = "unreachable" | "host-key" | "refused";

/** A node that cannot be talked to, and why. */
export class NodeUnavailable extends UserError {
  readonly reason: Unavailability;
  /** One line without node and next action, for progress and warnings. */
  readonly what: string;

  constructor(endpoint: Pick<Endpoint, "node" | "address" | "port" | "user">, reason: Unavailability, detail?: string) {
    const at = `${endpoint.address}:${endpoint.port}`;
    const { what, next } = {
      unreachable: {
        what: `no answer on ${at}${detail === undefined ? "" : ` (${detail})`}`,
        next: `check its power and network; from here, \`nc -vz ${endpoint.address} ${endpoint.port}\` must succeed`,
      },
      "host-key": {
        what: `${at} answers with another SSH host key than the one derived for ${endpoint.node}`,
        next: `if ${endpoint.node} still runs the card of another generation or site, write its card and boot it; otherwise another machine has its address`,
      },
      refused: {
        what: `${at} refuses the admin key of user ${endpoint.user}${detail === undefined ? "" : ` (${detail})`}`,
        next: `write ${endpoint.node}'s card again and boot it; if the admin key was rotated, the node has to have the new one first`,
      },
    }[reason];
    super({ what, where: endpoint.node, next });
    this.reason = reason;
    this.what = what;
  }
}

/** Makes sense of what the OpenSSH client logged when it could not log in. */
export function explainFailure(endpoint: Endpoint, log: string): NodeUnavailable {
  const lines = log
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (
    lines.some((line) =>
      /host key verification failed|remote host identification has changed|no matching host key type/i.test(line),
    )
  )
    return new NodeUnavailable(endpoint, "host-key");
  if (lines.some((line) => /permission denied|too many authentication failures/i.test(line)))
    return new NodeUnavailable(endpoint, "refused");
  return new NodeUnavailable(
    endpoint,
    "unreachable",
    lines.at(-1)?.replace(/^ssh: connect to host \S+ port \d+: /, ""),
  );
}
