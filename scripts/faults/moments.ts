import { existsSync } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { binaryPath as k3sBinary } from "../../stacks/k3s/paths.ts";
import { recordsDirectory } from "../../stacks/remote/phase.ts";
import { rootOf } from "../../twin/node.ts";
import { nodeProcesses } from "../../twin/node-processes.ts";
import type { TrialSite } from "./trial-site.ts";
import type { Update } from "./update.ts";

/** A moment of a node's bootstrap, recognised from outside by what lies and runs on the node. */
export interface Moment {
  readonly name: string;
  isNow(view: NodeView): Promise<boolean>;
}

/** A node seen from outside: nothing is run on it, and no connection is made. */
export interface NodeView {
  readonly node: string;
  /** A file or directory of the node, as a path on this machine. */
  path(path: string): string;
  commands(): Promise<string[]>;
  /** Of all nodes: what concerns a node is often done on a server. */
  allCommands(): Promise<string[]>;
}

/** The first step of ours that is a child of the program that applies a phase. */
const stepOfSystem = /^(systemctl|\/\S+\/systemctl) (restart|enable|start|daemon-reload)/;

/** The steps of a node's bootstrap, in their order. */
export const bootstrapMoments: readonly Moment[] = [
  {
    name: "card check",
    isNow: async (view) => (await phases(view)).length === 0 && (await isLoggedIn(view)),
  },
  {
    name: "preparation files",
    isNow: async (view) => (await phases(view)).some((phase) => phase.startsWith("preparation")),
  },
  {
    name: "preparation steps",
    isNow: async (view) =>
      !(await isApplied(view, "preparation")) && (await view.commands()).some((command) => stepOfSystem.test(command)),
  },
  {
    name: "K3s artefact transfer",
    isNow: async (view) => (await partialBytes(view)) > 8_000_000,
  },
  {
    name: "K3s start",
    // The program runs, and has not joined yet: `systemctl restart` of an agent is over too soon to be seen.
    isNow: async (view) => (await view.commands()).some((command) => /\bk3s (agent|server)\b/.test(command)),
  },
  { name: "membership", isNow: (view) => isApplied(view, "k3s") },
  { name: "access", isNow: async (view) => (await phases(view)).some((phase) => phase.startsWith("access")) },
];

/** The steps of a node's upgrade to another K3s, in their order. */
export const upgradeMoments: readonly Moment[] = [
  {
    name: "drain",
    isNow: async (view) => (await view.allCommands()).some((command) => command.includes(`drain ${view.node} `)),
  },
  {
    name: "upgrade transfer",
    isNow: async (view) => (await partialBytes(view)) > 8_000_000,
  },
  {
    name: "upgrade restart",
    isNow: async (view) =>
      (await view.commands()).some((command) => /systemctl (restart|start) .*k3s(-agent)?\.service/.test(command)),
  },
];

export function momentOf(name: string): Moment {
  const moment = [...bootstrapMoments, ...upgradeMoments].find((candidate) => candidate.name === name);
  if (moment === undefined) throw new Error(`there is no moment called ${name}`);
  return moment;
}

/**
 * Waits for a moment of an update.
 * @throws Error when the update ended before it came
 */
export async function waitForMoment(trial: TrialSite, node: string, moment: Moment, update: Update): Promise<void> {
  const root = await rootOf(trial.twin, node);
  const commandsOf = async (one: string) => (await nodeProcesses(trial.twin, one)).map(({ command }) => command);
  const view: NodeView = {
    node,
    path: (path) => join(root, path),
    commands: () => commandsOf(node),
    allCommands: async () => (await Promise.all(trial.nodes.map(commandsOf))).flat(),
  };
  while (!(await moment.isNow(view))) {
    if (update.over.aborted) {
      const { code, output } = await update.end;
      throw new Error(
        `the moment "${moment.name}" of ${node} was never seen; the up ended with ${code ?? "a signal"}:\n${output}`,
      );
    }
    await sleep(2);
  }
}

async function phases(view: NodeView): Promise<string[]> {
  const names = await readdir(view.path(recordsDirectory)).catch(() => []);
  return names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
}

async function isApplied(view: NodeView, phase: string): Promise<boolean> {
  const file = view.path(join(recordsDirectory, `${phase}.json`));
  if (!existsSync(file)) return false;
  const { applied } = JSON.parse(await readFile(file, "utf8")) as { applied: string | null };
  return applied !== null;
}

async function isLoggedIn(view: NodeView): Promise<boolean> {
  return (await view.commands()).some((command) => /^sshd: \w+@/.test(command));
}

/** Bytes of K3s's executable that have arrived while it is not all there. */
async function partialBytes(view: NodeView): Promise<number> {
  const directory = view.path(dirname(k3sBinary));
  const names = (await readdir(directory)).filter((name) => /^\.k3s\..*bramble-part$/.test(name));
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory, name)).catch(() => none)).size),
  );
  return Math.max(0, ...sizes);
}

const none = { size: 0 };

/** Takes K3s's executable away from a node, so that the next update has to send it again: 60 to 150 MB. */
export async function loseArtefact(trial: TrialSite, node: string): Promise<void> {
  await trial.onNode(node, `rm ${k3sBinary}`);
}
