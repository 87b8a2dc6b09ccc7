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

/** Names of the demo's nodes: one server, one agent. */
export const twinNodes = { server: "pi-1", agent: "pi-2" } as const;

/** What a site's nodes are made from, and, for one that experiments run on, what they are to have. */
export type SiteParts = Pick<TwinParts, "image" | "k3s" | "network"> &
  Partial<Pick<TwinParts, "ollama" | "runner" | "modelRegistry">>;

/**
 * `bramble:site` of a twin: a site like any other. The first node is a server, the second one serves models.
 * @param wanted.nodes names of its 1 to 8 nodes
 * @param wanted.servers how many of them, from the first on, are servers
 * @param wanted.experiments stacks that it lets in
 */
export function renderTwinSite(
  name: string,
  parts: SiteParts,
  wanted: {
    readonly nodes?: readonly string[];
    readonly servers?: 1 | 3;
    readonly experiments?: readonly string[];
  } = {},
): Record<string, unknown> {
  const { nodes = Object.values(twinNodes), servers = 1, experiments = [] } = wanted;
  const agent = nodes[1] ?? nodes[0];
  if (nodes.length > 8) throw new Error(`a twin has 1 to 8 nodes, not ${nodes.length}`);
  const { ollama, runner, modelRegistry } = parts;
  const images = [
    ...(ollama === undefined ? [] : [{ file: ollama.file, sha256: ollama.sha256, nodes: [agent] }]),
    // On all nodes, for the probe.
    ...(runner === undefined ? [] : [{ file: runner.file, sha256: runner.sha256 }]),
  ];
  return {
    name,
    image: parts.image,
    network: { prefix: parts.network.prefix, gateway: parts.network.gateway },
    nodes: Object.fromEntries(
      nodes.map((node, index) => [
        node,
        { role: index < servers ? "server" : "agent", address: parts.network.address(11 + index) },
      ]),
    ),
    k3s: parts.k3s,
    // A twin is made and unmade all day.
    protect: false,
    experiments,
    images,
    ...(runner === undefined ? {} : { probe: { image: runner.reference } }),
    ...(modelRegistry === undefined ? {} : { modelRegistry }),
  };
}

/** The names of so many nodes: "pi-1" and on. */
export function nodeNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `pi-${index + 1}`);
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
    models: { gemma: parts.model },
    images: { ollama: parts.ollama.reference, runner: parts.runner.reference },
    nodes: { models: [twinNodes.agent], runner: twinNodes.server },
    variants: { threads: [experiment.threads] },
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
