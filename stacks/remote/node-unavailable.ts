import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";

/** unreachable: no answer; host-key: another machine or another generation answers; refused: it does not let us in. */
export type Unavailability = "unreachable" | "host-key" | "refused";

/** The machines that a login goes through. */
export type Hop = "node" | "bastion";

type Place = Pick<Endpoint, "node" | "address" | "port" | "user" | "bastion">;

/** A node that cannot be talked to, and why. */
export class NodeUnavailable extends UserError {
  readonly reason: Unavailability;
  /** Which machine failed us. */
  readonly hop: Hop;
  /** Whether we were logged in already: something may have been done on the node. */
  readonly midway: boolean;
  /** One line without node and next action, for progress and warnings. */
  readonly what: string;

  constructor(
    place: Place,
    reason: Unavailability,
    { detail, hop = "node", midway = false }: { detail?: string | undefined; hop?: Hop; midway?: boolean } = {},
  ) {
    const words = hop === "bastion" ? ofBastion(place) : ofNode(place);
    const { what, next } = words[reason](detail === undefined ? "" : ` (${detail})`);
    super({ what, where: place.node, next });
    this.reason = reason;
    this.hop = hop;
    this.midway = midway;
    this.what = what;
  }
}

type Words = Record<Unavailability, (detail: string) => { what: string; next: string }>;

function ofNode({ node, address, port, user, bastion }: Place): Words {
  const at = `${address}:${port}`;
  const way = bastion === undefined ? "" : ` through bastion ${bastion.host}`;
  return {
    unreachable: (detail) => ({
      what: `no answer on ${at}${way}${detail}`,
      next: `check its power and network; from ${bastion?.host ?? "here"}, \`nc -vz ${address} ${port}\` must succeed`,
    }),
    "host-key": () => ({
      what: `${at}${way} answers with another SSH host key than the one that ${node} must have`,
      next: `if ${node} still runs the card of another generation or site, write its card and boot it; if it was adopted and then installed anew, adopt it again; otherwise another machine has its address`,
    }),
    refused: (detail) => ({
      what: `${at}${way} refuses the admin key of user ${user}${detail}`,
      next: `if adminKeyGeneration was lowered, raise it again; otherwise write ${node}'s card again and boot it, or adopt it again`,
    }),
  };
}

function ofBastion({ bastion = { host: "", port: 0, user: "", hostKey: "" } }: Place): Words {
  const at = `bastion ${bastion.host}:${bastion.port}`;
  return {
    unreachable: (detail) => ({
      what: `no answer from ${at}${detail}`,
      next: `check access.bastion and the way to it; \`nc -vz ${bastion.host} ${bastion.port}\` must succeed`,
    }),
    "host-key": () => ({
      what: `${at} answers with another SSH host key than access.bastion.hostKey`,
      next: "if the bastion was installed anew, put its new key there after its administrator confirmed it; otherwise another machine has its address",
    }),
    refused: (detail) => ({
      what: `${at} does not let ${bastion.user} through${detail}`,
      next: "it must accept the derived admin key or, with access.agent, a key that `ssh-add -l` lists, and allow TCP forwarding",
    }),
  };
}

/** What the OpenSSH client logged at each hop. */
export interface LoginLogs {
  readonly node: string;
  readonly bastion: string;
}

/** Makes sense of the OpenSSH client's logs when it could not log in. */
export function explainFailure(place: Place, logs: LoginLogs): NodeUnavailable {
  const [node, bastion] = [logs.node, logs.bastion].map(linesOf) as [string[], string[]];
  // Only through an open tunnel does the node's own word come: then the bastion did its part.
  const reason = reasonOf(node);
  if (reason !== undefined || bastion.length === 0)
    return new NodeUnavailable(place, reason ?? "unreachable", reason === undefined ? { detail: lastWord(node) } : {});
  const forwarding = bastion.find((line) => /open failed/i.test(line));
  if (forwarding !== undefined && /prohibited/i.test(forwarding))
    return new NodeUnavailable(place, "refused", { hop: "bastion", detail: "it forbids TCP forwarding" });
  if (forwarding !== undefined)
    return new NodeUnavailable(place, "unreachable", {
      detail: forwarding.replace(/^.*open failed: (connect failed: )?/, ""),
    });
  const refusal = reasonOf(bastion);
  return new NodeUnavailable(place, refusal ?? "unreachable", {
    hop: "bastion",
    detail: refusal === undefined ? lastWord(bastion) : undefined,
  });
}

function linesOf(log: string): string[] {
  return log
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function reasonOf(lines: readonly string[]): "host-key" | "refused" | undefined {
  const says = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  if (says(/host key verification failed|remote host identification has changed|no matching host key type/i))
    return "host-key";
  return says(/permission denied|too many authentication failures/i) ? "refused" : undefined;
}

function lastWord(lines: readonly string[]): string | undefined {
  return lines.at(-1)?.replace(/^ssh: connect to host \S+ port \d+: /, "");
}
