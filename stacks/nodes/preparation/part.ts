import type { Phase } from "../../remote/phase.ts";

/** What one concern adds to a phase. */
export type PhasePart = Partial<Omit<Phase, "node" | "name">>;

/** A phase of several concerns, in their order; removal goes the other way. */
export function phaseOf(node: string, name: string, parts: readonly PhasePart[]): Phase {
  const backwards = [...parts].reverse();
  return {
    node,
    name,
    files: parts.flatMap(({ files }) => files ?? []),
    directories: parts.flatMap(({ directories }) => directories ?? []),
    packages: parts.flatMap(({ packages }) => packages ?? []),
    units: parts.flatMap(({ units }) => units ?? []),
    steps: parts.flatMap(({ steps }) => steps ?? []),
    removal: backwards.flatMap(({ removal }) => removal ?? []),
    afterRemoval: backwards.flatMap(({ afterRemoval }) => afterRemoval ?? []),
  };
}

/** The first line of each file that is ours alone. */
export const header = "# Kept by Bramble: changes are undone by the next `pulumi up`.\n";

/** Where our scripts lie on a node. */
export const scriptsDirectory = "/usr/local/lib/bramble";

/** A script of ours as it lies on the node: its first line stays the interpreter's. */
export function withHeader(script: string): string {
  return script.replace("\n", `\n${header}`);
}
