import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Document, parseDocument } from "yaml";
import type { Artefact } from "../stacks/config/fields.ts";
import { root } from "../stacks/root.ts";

/** What this machine built for a twin, and where the twin's network lies. */
export interface TwinParts {
  readonly image: Artefact;
  readonly k3s: { readonly version: string; readonly binary: Artefact; readonly images: readonly Artefact[] };
  readonly ollama: Artefact & { readonly reference: string };
  readonly runner: Artefact & { readonly reference: string };
  readonly model: { readonly reference: string; readonly digest: string };
  readonly network: { readonly gateway: string; readonly prefix: number; address(host: number): string };
  readonly modelRegistry: string;
}

/** Names of the twin's nodes: one server, one agent. */
export const twinNodes = { server: "pi-1", agent: "pi-2" } as const;

/** `bramble:site` of a twin: a site like any other, of two nodes. */
export function renderTwinSite(name: string, parts: TwinParts): Record<string, unknown> {
  return {
    name,
    image: parts.image,
    network: { prefix: parts.network.prefix, gateway: parts.network.gateway },
    nodes: {
      [twinNodes.server]: { role: "server", address: parts.network.address(11) },
      [twinNodes.agent]: { role: "agent", address: parts.network.address(12) },
    },
    k3s: parts.k3s,
    images: [
      { file: parts.ollama.file, sha256: parts.ollama.sha256, nodes: [twinNodes.agent] },
      { file: parts.runner.file, sha256: parts.runner.sha256, nodes: [twinNodes.server] },
    ],
    modelRegistry: parts.modelRegistry,
  };
}

/** What differs between the experiments that the demo and the live tests run. */
export interface TwinExperiment {
  readonly threads: number;
  readonly blocks: number;
  readonly requests: number;
  readonly maxTokens: { readonly short: number; readonly long: number };
}

/** `bramble:experiment` on a twin: one variant, two scenarios. */
export function renderTwinExperiment(
  site: string,
  parts: TwinParts,
  experiment: TwinExperiment,
): Record<string, unknown> {
  const { requests, maxTokens } = experiment;
  return {
    site,
    model: parts.model,
    images: { ollama: parts.ollama.reference, runner: parts.runner.reference },
    nodes: { model: twinNodes.agent, runner: twinNodes.server },
    variants: { [`threads-${experiment.threads}`]: { threads: experiment.threads, context: 1024 } },
    scenarios: {
      "short-questions": { prompts: "short-questions", requests, warmup: 1, maxTokens: maxTokens.short },
      "network-operations": { prompts: "network-operations", requests, warmup: 1, maxTokens: maxTokens.long },
    },
    blocks: experiment.blocks,
    seed: 1,
    primary: "decode-rate",
    memory: "1024Mi",
  };
}

/** Path of a stack's configuration file. */
export function stackFile(stack: string): string {
  return join(root, `Pulumi.${stack}.yaml`);
}

/** Sets one `bramble:` key in a stack's configuration file and leaves the rest, comments included, as it is. */
export function setStackKey(stack: string, key: string, value: unknown): void {
  const file = stackFile(stack);
  const document = existsSync(file) ? parseDocument(readFileSync(file, "utf8")) : new Document({});
  document.setIn(["config", `bramble:${key}`], document.createNode(value));
  writeFileSync(file, document.toString());
}

/** Reads one `bramble:` key of a stack's configuration file; undefined where it is absent. */
export function stackKey(stack: string, key: string): unknown {
  const file = stackFile(stack);
  if (!existsSync(file)) return undefined;
  const { config } = parseDocument(readFileSync(file, "utf8")).toJS() as { config?: Record<string, unknown> };
  return config?.[`bramble:${key}`];
}
