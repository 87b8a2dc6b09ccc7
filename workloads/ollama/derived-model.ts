import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../benchmark/plan.ts";
import { InputError } from "../input-error.ts";
import { modelName } from "./model-name.ts";

/** A model as its registry has it, byte by byte: its manifest, and the two small blobs of it that say how it is served. */
export interface BaseModel {
  /** [[host/]namespace/]name:tag */
  readonly reference: string;
  /** sha256:<hex> of the manifest */
  readonly digest: string;
  readonly manifest: string;
  /** The blob that the manifest names as its config. */
  readonly config: string;
  /** The blob of its params layer; null where it has none. */
  readonly params: string | null;
}

/** Values of a model's options, as a Modelfile's PARAMETER lines set them (Ollama's api.Options). */
export type ModelParameters = Readonly<Record<string, number | string | boolean | readonly string[]>>;

/** A model made of another one's weights, as files of an Ollama store. */
export interface DerivedModel {
  readonly reference: string;
  /** sha256:<hex> of its manifest, by which Ollama lists it */
  readonly digest: string;
  readonly manifest: { readonly path: string; readonly text: string };
  /** What the base's store does not hold. */
  readonly blobs: readonly { readonly digest: string; readonly text: string }[];
  /** Digests of the base's blobs that it uses too. */
  readonly shared: readonly string[];
}

const layerSchema = z.looseObject({
  mediaType: z.string(),
  digest: z.string(),
  size: z.int(),
  name: z.string().optional(),
});
const manifestSchema = z.looseObject({ config: layerSchema, layers: z.array(layerSchema).min(1) });
const configSchema = z.record(z.string(), z.unknown());
const paramsSchema = z.record(
  z.string(),
  z.union([z.number(), z.string(), z.boolean(), z.array(z.string())]),
) satisfies z.ZodType<Record<string, ModelParameters[string]>>;

/** Of the parts of a model that derivation reads or makes. */
export const mediaTypes = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  params: "application/vnd.ollama.image.params",
  system: "application/vnd.ollama.image.system",
} as const;

/**
 * The model that `ollama create` makes of FROM, PARAMETER and SYSTEM lines (Ollama 0.17.4, server/create.go, server/model.go
 * and manifest/layer.go), byte by byte, so that its digest is known and locked before any node has it, and any line of Ollama
 * serves the very same model. Parameters win over the base's own. One thing is inferred: create reads family, size and
 * quantisation from the weights, here they are the base's own config's, which an earlier create read from the same weights.
 * @param system the system prompt; null keeps the base's
 * @throws InputError where the base's parts are not those that its digest names, or it is no model of this kind
 */
export function deriveModel(
  base: BaseModel,
  derived: { readonly reference: string; readonly parameters: ModelParameters; readonly system: string | null },
): DerivedModel {
  const { layers, config, params } = readBase(base);
  const from = shortName(base.reference);
  const made: { digest: string; text: string }[] = [];
  const layer = (mediaType: string, text: string) => {
    const digest = digestOf(text);
    made.push({ digest, text });
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const replaced: string[] = [mediaTypes.params, ...(derived.system === null ? [] : [mediaTypes.system])];
  const kept = layers.filter(({ mediaType }) => !replaced.includes(mediaType));
  const parameters = { ...params, ...derived.parameters };
  const all = [
    ...kept.map(({ mediaType, digest, size }) => ({ mediaType, digest, size, from })),
    ...(derived.system === null ? [] : [layer(mediaTypes.system, derived.system)]),
    ...(Object.keys(parameters).length === 0 ? [] : [layer(mediaTypes.params, encode(canonicalJson(parameters)))]),
  ];
  const rootfs = { type: "layers", diff_ids: all.map(({ digest }) => digest) };
  // Keys keep the base's order, which is that of Ollama's ConfigV2.
  const derivedConfig = layer(mediaTypes.config, encode(JSON.stringify({ ...config, rootfs })));
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: derivedConfig, layers: all };
  const text = encode(JSON.stringify(manifest));
  return {
    reference: derived.reference,
    digest: digestOf(text),
    manifest: { path: modelName(derived.reference, undefined).manifest, text },
    blobs: made,
    shared: kept.map(({ digest }) => digest),
  };
}

function readBase(base: BaseModel) {
  const refuse = (what: string, cause?: unknown): InputError =>
    new InputError(
      { where: base.reference, what, next: "lock the model anew: npm run models -- lock <stack>" },
      { cause },
    );
  const read = <Value>(what: string, text: string, schema: z.ZodType<Value>): Value => {
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw refuse(`its ${what} is none of a model that Ollama serves from one file`, error);
    }
  };
  const hold = (what: string, text: string, digest: string) => {
    if (digestOf(text) !== digest) throw refuse(`its ${what} is ${digestOf(text)}, not ${digest}`);
  };
  hold("manifest", base.manifest, base.digest);
  const { config: configLayer, layers } = read("manifest", base.manifest, manifestSchema);
  hold("config", base.config, configLayer.digest);
  const config = read("config", base.config, configSchema);
  if ("remote_host" in config) throw refuse("is a model that answers elsewhere, not on a node of yours");
  if (layers.some(({ name }) => name !== undefined))
    throw refuse("is made of single tensors, which nobody has derived a model of yet");

  const paramsLayers = layers.filter(({ mediaType }) => mediaType === mediaTypes.params);
  const paramsLayer = paramsLayers[0];
  if (paramsLayers.length > 1) throw refuse("has parameters twice");
  if ((paramsLayer === undefined) !== (base.params === null)) throw refuse("its manifest and its parameters differ");
  if (base.params === null || paramsLayer === undefined) return { layers, config, params: {} };
  hold("parameters", base.params, paramsLayer.digest);
  return { layers, config, params: read("list of parameters", base.params, paramsSchema) };
}

/** How Ollama names a model where it takes it from another (Name.DisplayShortest, types/model/name.go). */
function shortName(reference: string): string {
  return modelName(reference, undefined)
    .full.replace(/^registry\.ollama\.ai\//, "")
    .replace(/^library\/(?=[^/]+$)/, "");
}

/** JSON as Go's encoder writes it: HTML's signs escaped, a line end after it. */
function encode(json: string): string {
  const escape = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${json.replace(/[<>&\u2028\u2029]/g, escape)}\n`;
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
